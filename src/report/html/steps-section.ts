import type { Results } from "../../results/schema/results.ts";
import { STEPS_SENTENCE, stepTables } from "../step-tables.ts";
import { type Html, html } from "./html.ts";
import { renderTable } from "./tables.ts";

/** What steps of plugins found; undefined where there is none. */
export function renderSteps(results: Results): Html | undefined {
  const tables = stepTables(results);
  if (tables.length === 0) return undefined;
  return html`<section id="steps" aria-labelledby="steps-title">
<h2 id="steps-title">Steps of plugins</h2>
<p>${STEPS_SENTENCE}</p>
${tables.map(renderTable)}</section>
`;
}
