import type { Results } from "../../results/schema/results.ts";
import { groupByModel, type ModelGroup } from "../groups.ts";
import { percentileTable, resultsTable } from "../results-tables.ts";
import { serverTable } from "../server-table.ts";
import { type Html, html } from "./html.ts";
import { renderTable } from "./tables.ts";

export function renderResults(results: Results): Html | undefined {
  const models = groupByModel(results).filter((model) => model.blocks.length > 0);
  if (models.length === 0) return undefined;
  return html`<section id="results" aria-labelledby="results-title">
<h2 id="results-title">Results</h2>
<p class="hint">Means. <b>[a–b]</b> is the mean’s interval; <b>(a–b)</b> lowest and highest, where there are too few requests for one.</p>
${models.map(
  (model) => html`<h3>${model.model}</h3>
${renderTable(resultsTable(results, model))}<details><summary>Lowest, highest and percentiles of every latency</summary>${renderTable(percentileTable(results, model))}</details>${renderServers(results, model)}
`,
)}</section>
`;
}

function renderServers(results: Results, model: ModelGroup): Html | undefined {
  const table = serverTable(results, model);
  return table === undefined
    ? undefined
    : html`<details><summary>Inside the servers: queue, cache, processor and memory</summary>${renderTable(table)}</details>`;
}
