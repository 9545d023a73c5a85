import type { Results } from "../../results/schema/results.ts";
import { cellName } from "../groups.ts";
import { PROFILE_SENTENCE, viewProfile } from "../profile-tables.ts";
import { type Html, html } from "./html.ts";
import { renderTable } from "./tables.ts";

/** What Nsight Systems recorded of each cell's server; undefined where nothing was profiled. */
export function renderProfiles(results: Results): Html | undefined {
  const profiled = results.cells.flatMap((cell) =>
    cell.profile === undefined
      ? []
      : [{ name: cellName(results, cell), view: viewProfile(cell, cell.profile) }],
  );
  if (profiled.length === 0) return undefined;
  return html`<section id="profile" aria-labelledby="profile-title">
<h2 id="profile-title">Profile</h2>
<p>${PROFILE_SENTENCE}</p>
${profiled.map(
  ({
    name,
    view,
  }) => html`<details${profiled.length === 1 ? html` open` : undefined}><summary>${name}</summary>
<ul>${view.sentences.map((sentence) => html`<li>${sentence}</li>`)}</ul>
${view.tables.map(renderTable)}
<p>Open the report itself with <code>nsys-ui</code>:</p>
<ul>${view.files.map((file) => html`<li><code>${file}</code></li>`)}</ul></details>
`,
)}</section>
`;
}
