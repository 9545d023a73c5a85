import type { Results } from "../../results/schema/results.ts";
import { CAPACITY_FORMULA, COST_FORMULA, capacitySentences, capacityTable, costTable } from "../capacity.ts";
import { type Html, html } from "./html.ts";
import { renderTable } from "./tables.ts";

/** What one server carries and what its tokens cost; undefined where nothing of it was asked for. */
export function renderCapacity(results: Results): Html | undefined {
  const capacity = capacityTable(results);
  const cost = costTable(results);
  if (capacity === undefined && cost === undefined) return undefined;
  const priced = results.run.plan.cells.some(({ price }) => price !== undefined);
  return html`<section id="capacity-and-cost" aria-labelledby="capacity-and-cost-title">
<h2 id="capacity-and-cost-title">Capacity and cost</h2>
${capacitySentences(results).map(
  (sentence) => html`<p>${sentence}</p>
`,
)}${
  capacity === undefined
    ? undefined
    : html`<p class="hint">${CAPACITY_FORMULA}</p>
${renderTable(capacity)}`
}${
  priced
    ? html`<p class="hint">${COST_FORMULA}</p>
`
    : undefined
}${cost === undefined ? undefined : renderTable(cost)}</section>
`;
}
