import { fileURLToPath } from "node:url";
import { wrap } from "../display-width.ts";
import { LlmbenchError } from "../error.ts";
import type { Results } from "../results/schema/results.ts";
import { simulatedSentence } from "./describe.ts";
import { escapeHtml } from "./html/html.ts";
import { makePlots } from "./plots/all.ts";
import { LIGHT } from "./plots/palette.ts";
import type { Plot } from "./plots/plot.ts";
import { estimateWidth, PANEL_WIDTH, renderSvg } from "./plots/svg.ts";
import type { ReportFile } from "./report-file.ts";

/** Pixels a unit of the drawing: sharp on a dense screen and on a slide. */
const SCALE = 2;
const MARGIN = 24;
const GAP = 32;
const COLUMNS = 2;
const TITLE = 22;
const SMALL = 12;
const WARNING = "#8a5200";
const FONTS = ["Inter-Regular.otf", "Inter-SemiBold.otf"];

/** Each plot as a PNG of its own, in light colours, with title, legend and, where simulated, a line that says so. */
export async function renderPng(results: Results): Promise<readonly ReportFile[]> {
  const { Resvg } = await loadResvg();
  // The fonts lie beside this file, or beside the bundle.
  const fontFiles = FONTS.map((name) => fileURLToPath(new URL(`./fonts/${name}`, import.meta.url)));
  const files: ReportFile[] = [];
  for (const plot of makePlots(results, LIGHT)) {
    const svg = await composeSvg(plot, results.simulated ? simulatedSentence(results.cells) : undefined);
    const image = new Resvg(svg, {
      background: LIGHT.surface,
      fitTo: { mode: "zoom", value: SCALE },
      // System fonts only stand in for scripts that Inter here lacks.
      font: { fontFiles, loadSystemFonts: true, defaultFontFamily: "Inter", sansSerifFamily: "Inter" },
    });
    files.push({ name: `${plot.id}.png`, content: image.render().asPng() });
  }
  return files;
}

async function loadResvg(): Promise<typeof import("@resvg/resvg-js")> {
  try {
    return await import("@resvg/resvg-js");
  } catch (cause) {
    throw new LlmbenchError(
      "PNG_NOT_AVAILABLE",
      "PNG needs the package @resvg/resvg-js, which cannot be loaded here.",
      {
        hint: "Install it beside llmbench with `npm install @resvg/resvg-js@2.6.2`, or take --format html: its plots are SVG.",
        cause,
      },
    );
  }
}

/** Title, legend and panels of a plot in one drawing; over them what must be said of simulated numbers. */
export async function composeSvg(plot: Plot, simulated: string | undefined): Promise<string> {
  const columns = Math.min(COLUMNS, plot.panels.length);
  const width = 2 * MARGIN + columns * PANEL_WIDTH + (columns - 1) * GAP;
  const parts = [text(MARGIN, MARGIN + TITLE * 0.8, plot.title, TITLE, LIGHT.ink, 600)];
  let y = MARGIN + TITLE + 10;
  if (simulated !== undefined) {
    const columns = Math.floor((width - 2 * MARGIN) / (estimateWidth("x".repeat(100), SMALL) / 100));
    for (const line of wrap(`Simulated. ${simulated}`, columns)) {
      parts.push(text(MARGIN, y + SMALL, line, SMALL, WARNING, 600));
      y += SMALL + 5;
    }
    y += 7;
  }
  const legend = composeLegend(plot, y, width - MARGIN);
  parts.push(legend.svg);
  y = legend.bottom + 8;
  for (let first = 0; first < plot.panels.length; first += COLUMNS) {
    let tallest = 0;
    for (const [column, panel] of plot.panels.slice(first, first + COLUMNS).entries()) {
      const svg = await renderSvg(panel.spec);
      const height = Number(/ height="(\d+)"/.exec(svg)?.[1] ?? 0);
      const x = MARGIN + column * (PANEL_WIDTH + GAP);
      parts.push(text(x, y + 16, panel.title, 13, LIGHT.ink, 600));
      parts.push(svg.replace("<svg", `<svg x="${x}" y="${y + 26}"`));
      tallest = Math.max(tallest, height + 26);
    }
    y += tallest + 20;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + MARGIN - 12}" font-family="Inter, sans-serif">${parts.join("")}</svg>`;
}

/** Marks and names from left to right, in further lines where one is not enough. */
function composeLegend(
  plot: Plot,
  top: number,
  right: number,
): { readonly svg: string; readonly bottom: number } {
  let x = MARGIN;
  let y = top;
  const parts = plot.legend.map((item) => {
    const width = 16 + estimateWidth(item.name, 12.5) + 18;
    if (x > MARGIN && x + width > right) {
      x = MARGIN;
      y += 20;
    }
    const outline = item.outlined === true ? ` stroke="${LIGHT.axis}" stroke-width=".2"` : "";
    const mark = `<path transform="translate(${x + 5},${y + 9}) scale(5)" d="${item.shape}" fill="${item.color}"${outline}/>`;
    const name = text(x + 16, y + 13.5, item.name, 12.5, LIGHT.ink, 400);
    x += width;
    return mark + name;
  });
  return { svg: parts.join(""), bottom: plot.legend.length === 0 ? top : y + 22 };
}

function text(x: number, y: number, content: string, size: number, color: string, weight: number): string {
  return `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" fill="${color}">${escapeHtml(content)}</text>`;
}
