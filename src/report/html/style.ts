import { cssVariables, DARK, LIGHT } from "../plots/palette.ts";

const LIGHT_TONES =
  "--page:#ffffff;--soft:#f5f7f9;--line:#dde3e8;--accent:#0062a3;--valid:#00664a;--valid-soft:#e3f4ee;--suspect:#8a5200;--suspect-soft:#fdf1dc;--invalid:#b3261e;--invalid-soft:#fdeceb;--note:#55616e;--note-soft:#eef1f4;";
const DARK_TONES =
  "--page:#14191f;--soft:#1b222a;--line:#2c3640;--accent:#72bdf0;--valid:#56d3a8;--valid-soft:#16332a;--suspect:#f0bb5e;--suspect-soft:#3a2d14;--invalid:#ff9a92;--invalid-soft:#422020;--note:#9fabb8;--note-soft:#232c35;";

/** The page's whole style. Colours are variables: dark and print only set them anew. */
export const STYLE = `
:root{color-scheme:light dark;${cssVariables(LIGHT)}${LIGHT_TONES}}
@media (prefers-color-scheme:dark){:root{${cssVariables(DARK)}${DARK_TONES}}}
@media print{:root{color-scheme:light;${cssVariables(LIGHT)}${LIGHT_TONES}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
main,footer{max-width:1120px;margin:0 auto;padding:0 24px}
footer p{border-top:1px solid var(--line);padding:20px 0 40px}
h1,h2,h3,p,ul,dl,figure,pre{margin:0}
h1{font-size:34px;line-height:1.2;font-weight:650;letter-spacing:-.02em}
h2{font-size:22px;line-height:1.3;font-weight:650;letter-spacing:-.01em;margin-bottom:12px}
h3{font-size:16px;font-weight:650;margin:28px 0 10px}
a{color:var(--accent)}
code,pre{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;font-size:.87em}
cite{font-style:normal;font-weight:600}
section{padding:36px 0;border-top:1px solid var(--line)}
section>p+*,section>ul+*{margin-top:12px}
header{padding:44px 0 8px}
.eyebrow{font-size:13px;font-weight:600;letter-spacing:.06em;text-transform:uppercase;color:var(--muted)}
.lead{font-size:18px;margin-top:8px;color:var(--muted)}
.meta,.hint,figcaption,footer{color:var(--muted);font-size:14px}
.meta{margin-top:8px}
.banner{background:var(--suspect-soft);color:var(--suspect);border-bottom:1px solid var(--suspect);padding:10px 24px;text-align:center}
.headline{border:0;padding:20px 0 28px}
.headline h2{margin-bottom:8px;color:var(--accent)}
.sentence{font-size:25px;line-height:1.38;font-weight:500;letter-spacing:-.01em;max-width:38em;text-wrap:pretty}
.callout{border:1px solid var(--suspect);border-left-width:5px;border-radius:6px;background:var(--suspect-soft);padding:18px 22px;margin-bottom:28px}
.callout h2{font-size:18px;margin-bottom:4px;color:var(--suspect)}
.callout ul,.finding ul{padding-left:20px;margin-top:6px}
nav{border-top:1px solid var(--line);padding:14px 0}
nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:4px 20px;font-size:14px}
nav a{text-decoration:none}
nav a:hover,nav a:focus{text-decoration:underline}
.verdict{display:inline-block;border-radius:4px;padding:1px 8px;font-size:13px;font-weight:600;text-decoration:none;white-space:nowrap}
.valid{color:var(--valid);background:var(--valid-soft)}
.suspect{color:var(--suspect);background:var(--suspect-soft)}
.invalid{color:var(--invalid);background:var(--invalid-soft)}
.note{color:var(--note);background:var(--note-soft)}
.scroll{overflow-x:auto;max-width:100%;overflow-wrap:normal}
.scroll:focus-visible,summary:focus-visible,a:focus-visible,pre:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--muted);font-size:13px;padding-bottom:6px}
th,td{padding:6px 14px 6px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);font-weight:400}
th:last-child,td:last-child{padding-right:0}
thead th{font-weight:600;vertical-align:bottom;white-space:nowrap;border-bottom-color:var(--axis)}
.unit{display:block;font-weight:400;color:var(--muted);font-size:12px}
tbody th{max-width:min(320px,42vw);min-width:9em;overflow-wrap:break-word}
.scroll thead th:first-child,tbody th[scope="row"]{position:sticky;left:0;background:var(--page)}
caption span,.group span{position:sticky;left:0;display:inline-block;max-width:min(100%,100vw - 32px)}
tr.group th{max-width:none;padding-top:16px;font-weight:600;color:var(--muted);white-space:normal}
.n{text-align:right}
.n+:not(.n){padding-left:16px}
td.n{white-space:nowrap}
td small,th small{display:block;color:var(--muted);font-size:12px;white-space:nowrap}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,320px),1fr));gap:14px 32px;margin-top:24px;font-size:14.5px}
.facts.wide{grid-template-columns:1fr;gap:8px}
.facts.wide>div{display:grid;grid-template-columns:170px 1fr;gap:16px}
dt{color:var(--muted);font-size:13px}
dd{margin:0}
.definitions{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,320px),1fr));gap:18px 32px;margin-bottom:20px;font-size:14.5px}
.definitions dt{color:var(--ink);font-weight:600;font-size:14.5px}
figcaption{max-width:46em;margin-bottom:12px}
.legend{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:4px 18px;margin-bottom:12px;font-size:13.5px}
.legend svg{margin-right:6px;vertical-align:-1.5px}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr));gap:26px 40px}
.panel{min-width:0}
.panel h3{font-size:13.5px;font-weight:600;margin:0 0 4px}
.panel>svg{display:block;width:100%;height:auto;max-width:560px}
.panel text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
details{margin-top:14px;font-size:14px}
summary{cursor:pointer;color:var(--accent);width:fit-content}
details>.scroll,details>dl{margin-top:12px}
.finding{border-left:4px solid currentColor;padding:2px 0 2px 16px;margin-top:20px;background:none;color:var(--note)}
.finding.invalid{color:var(--invalid)}
.finding.suspect{color:var(--suspect)}
.finding>*{color:var(--ink)}
.finding h3{margin:0 0 4px}
.finding code{color:var(--muted);font-weight:400}
.finding p,.finding ul{font-size:14.5px}
pre{background:var(--soft);border-radius:6px;padding:12px 14px;margin-top:8px;overflow-x:auto;overflow-wrap:normal}
@media (max-width:640px){
main,footer{padding-left:16px;padding-right:16px}
header{padding-top:28px}
h1{font-size:27px}
.sentence{font-size:20px}
section{padding:28px 0}
.facts.wide>div{grid-template-columns:1fr;gap:0}
}
.in-print{display:none}
@media print{
@page{margin:13mm}
body{font-size:9.5pt;line-height:1.4}
main,footer{max-width:none;padding:0}
nav{display:none}
.in-print{display:inline}
h1{font-size:22pt}
h2{font-size:14pt;margin-bottom:6px}
h3{font-size:10.5pt;margin:14px 0 6px}
.sentence{font-size:14pt;max-width:none}
.meta,.hint,figcaption,footer,.facts,.definitions,.definitions dt,.finding p,.finding ul{font-size:9pt}
dt,caption,.legend,.panel h3{font-size:8.5pt}
header{padding:12px 0 0}
section{padding:12px 0}
footer p{padding:10px 0 0}
.headline{padding:10px 0 16px}
.facts{gap:8px 24px;margin-top:14px}
.definitions{gap:8px 24px;margin-bottom:10px}
.facts,.definitions{grid-template-columns:repeat(3,1fr)}
figcaption,.legend{margin-bottom:6px;max-width:none}
section:has(figure),.panel,.finding,.callout,tr,dl>div{break-inside:avoid}
h2,h3,.hint,figcaption,.legend,caption,thead,.group{break-after:avoid}
p{orphans:3;widows:3}
.scroll,pre{overflow:visible;overflow-wrap:break-word}
pre{white-space:pre-wrap}
table{font-size:8pt;line-height:1.25}
th,td{padding:3px 8px 3px 0}
thead th{white-space:normal;max-width:40mm}
tr.group th{padding-top:8px}
td small,th small,.unit{font-size:7pt}
.scroll thead th:first-child,tbody th[scope="row"],caption span,.group span{position:static}
.panels{grid-template-columns:1fr 1fr;gap:6px 24px}
.panel>svg{max-width:78mm}
/* What is folded stays folded, as a reader left it; the settings, which say what was measured, are printed small. */
details:not([open]){display:none}
#settings details{display:block;break-inside:avoid;margin-top:10px}
#settings details::details-content{content-visibility:visible;height:auto}
#settings .facts{gap:2px;font-size:7.5pt;margin-top:4px}
#settings .facts>div{grid-template-columns:30mm 1fr;gap:8px}
#settings dt{font-size:7.5pt}
#settings>.cells{columns:2;column-gap:24px}
summary{list-style:none;font-weight:600;color:var(--ink)}
a{color:inherit;text-decoration:none}
}
`;
