import type { Results } from "../../results/schema/results.ts";
import { count } from "../describe.ts";
import { cellName } from "../groups.ts";
import { REASONS } from "../reasons.ts";
import { countVerdicts, describeCounts, type FindingGroup, groupFindings } from "../verdicts.ts";
import { type Html, html } from "./html.ts";

/** More places than this say nothing that the first ones do not. */
const MOST_PLACES = 12;

const FAIL_ON: Readonly<Record<Results["failOn"], string>> = {
  invalid: "The run counts as failed when a verdict is invalid.",
  suspect: "The run counts as failed when a verdict is suspect or invalid.",
  never: "Verdicts do not make the run fail.",
};

export function renderVerdicts(results: Results): Html {
  const groups = groupFindings(results);
  return html`<section id="verdicts" aria-labelledby="verdicts-title">
<h2 id="verdicts-title">Verdicts</h2>
<p>${describeCounts(countVerdicts(results))}. ${FAIL_ON[results.failOn]}</p>
${groups.map(renderGroup)}</section>
`;
}

function renderGroup(group: FindingGroup): Html {
  const { title, advice } = REASONS[group.code];
  const tone = group.status === "note" ? "note" : group.status;
  // Notes of one code say the same of each point: one of them is enough.
  const most = group.status === "note" ? 1 : MOST_PLACES;
  const shown = group.findings.slice(0, most);
  const more = group.findings.length - shown.length;
  return html`<article class="finding ${tone}">
<h3><span class="verdict ${tone}">${group.status}</span> ${title} <code>${group.code}</code></h3>
<p>${advice}</p>
<ul>${shown.map(({ place, reason }) => html`<li><b>${place}</b>: ${reason.text}</li>`)}${
    more > 0 ? html`<li>and ${count(more, "more point")}</li>` : undefined
  }</ul>
</article>
`;
}

function howToGoOn({ executor, id }: Results["run"]): Html {
  return executor === "argo"
    ? html`<code>llmbench retry ${id}</code>, or <code>argo retry</code> of its Workflow,`
    : html`<code>llmbench run --resume ${id}</code>`;
}

/** Cells that failed and what readers had to skip; nothing is left out in silence. */
export function renderIncomplete(results: Results): Html | undefined {
  const failed = results.cells.filter(
    (cell) => cell.error !== undefined || (cell.status !== "done" && cell.points.length === 0),
  );
  if (failed.length === 0 && results.incomplete.length === 0 && results.run.status === "done")
    return undefined;
  return html`<section id="incomplete" aria-labelledby="incomplete-title">
<h2 id="incomplete-title">What is missing</h2>
<p>The run is ${results.run.status}. ${howToGoOn(results.run)} measures what is missing and keeps what is here.</p>
${failed.map(
  (cell) => html`<article class="finding invalid">
<h3><span class="verdict invalid">${cell.status}</span> ${cellName(results, cell)}${
    cell.error === undefined ? undefined : html` <code>${cell.error.code}</code>`
  }</h3>
${
  cell.error === undefined
    ? html`<p>It was not measured.</p>`
    : html`<p>${cell.error.message}${cell.error.hint === undefined ? undefined : ` ${cell.error.hint}`}</p>${
        cell.error.details === undefined || cell.error.details.length === 0
          ? undefined
          : html`<pre tabindex="0">${cell.error.details.join("\n")}</pre>`
      }`
}
</article>
`,
)}${results.incomplete.length === 0 ? undefined : html`<ul>${results.incomplete.map((item) => html`<li><code>${item}</code></li>`)}</ul>`}
</section>
`;
}
