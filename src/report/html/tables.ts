import type { Column, Table, TableCell } from "../table.ts";
import { type Html, html } from "./html.ts";

/** A table that scrolls inside its own frame where the page is narrow. The first cell of a row heads it. */
export function renderTable(table: Table): Html {
  const { columns } = table;
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${table.caption}"><table><caption><span>${table.caption}</span></caption>
<thead><tr>${columns.map(renderHead)}</tr></thead>
${table.groups.map(
  (group) => html`<tbody>${
    group.title === undefined
      ? undefined
      : html`<tr class="group"><th scope="rowgroup" colspan="${columns.length}"><span>${group.title}</span></th></tr>`
  }${group.rows.map((row) => html`<tr>${row.map((cell, i) => renderCell(cell, columns[i], i === 0))}</tr>`)}</tbody>
`,
)}</table></div>
`;
}

function renderHead(column: Column): Html {
  const unit = column.unit === undefined ? undefined : html` <span class="unit">${column.unit}</span>`;
  return column.numeric
    ? html`<th scope="col" class="n">${column.title}${unit}</th>`
    : html`<th scope="col">${column.title}${unit}</th>`;
}

function renderCell(cell: TableCell, column: Column | undefined, heads: boolean): Html {
  const note = cell.note === undefined ? undefined : html`<small>${cell.note}</small>`;
  const value =
    cell.tone === undefined
      ? html`${cell.text}`
      : html`<span class="verdict ${cell.tone}">${cell.text}</span>`;
  if (heads) return html`<th scope="row">${value}${note}</th>`;
  return column?.numeric ? html`<td class="n">${value}${note}</td>` : html`<td>${value}${note}</td>`;
}
