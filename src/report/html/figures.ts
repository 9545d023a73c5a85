import type { Results } from "../../results/schema/results.ts";
import { makePlots } from "../plots/all.ts";
import { CSS_PALETTE } from "../plots/palette.ts";
import type { LegendItem, Plot } from "../plots/plot.ts";
import { renderSvg } from "../plots/svg.ts";
import { escapeHtml, type Html, html, raw } from "./html.ts";
import { renderTable } from "./tables.ts";

/** Columns of a table that fit beside a drawing. */
const BESIDE = 4;

export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly html: Html;
}

/** Every plot with its legend and its table. Drawn one after the other: vega keeps state between views. */
export async function renderFigures(results: Results): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const plot of makePlots(results, CSS_PALETTE)) {
    figures.push({ id: plot.id, title: plot.title, html: await renderFigure(plot) });
  }
  return figures;
}

async function renderFigure(plot: Plot): Promise<Html> {
  const panels: Html[] = [];
  for (const [i, panel] of plot.panels.entries()) {
    const id = `${plot.id}-${i}`;
    const svg = describeSvg(await renderSvg(panel.spec), id, panel.title, panel.description);
    panels.push(html`<div class="panel"><h3>${panel.title}</h3>${raw(svg)}</div>
`);
  }
  const table = renderTable(plot.table);
  // One drawing has a narrow table beside it; otherwise the table is below, folded away.
  const single = panels.length === 1 && plot.table.columns.length <= BESIDE;
  return html`<figure class="${single ? "single" : "several"}">
<figcaption>${plot.caption}</figcaption>
${renderLegend(plot.legend)}
<div class="panels">${panels}${single ? html`<div class="panel">${table}</div>` : undefined}</div>
${single ? undefined : html`<details><summary>The figures as a table</summary>${table}</details>`}
</figure>
`;
}

function renderLegend(items: readonly LegendItem[]): Html | undefined {
  if (items.length === 0) return undefined;
  return html`<ul class="legend">${items.map(
    (item) =>
      html`<li><svg viewBox="-1.3 -1.3 2.6 2.6" width="13" height="13" aria-hidden="true"><path d="${item.shape}" fill="${item.color}"${item.outlined ? raw(' stroke="var(--axis)" stroke-width=".2"') : undefined}/></svg>${item.name}</li>`,
  )}</ul>`;
}

/** Gives a drawing its title and description, and lets the page decide its width. */
function describeSvg(svg: string, id: string, title: string, description: string): string {
  return svg.replace(
    /^<svg([^>]*)>/,
    (_, attributes: string) =>
      `<svg${attributes.replace(/ (?:width|height)="[^"]*"/g, "")} role="img" aria-labelledby="${id}-t ${id}-d">` +
      `<title id="${id}-t">${escapeHtml(title)}</title><desc id="${id}-d">${escapeHtml(description)}</desc>`,
  );
}
