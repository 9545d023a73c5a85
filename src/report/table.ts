/** A table as data: HTML and Markdown are made from the same one. */
export interface Table {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly groups: readonly RowGroup[];
}

export interface Column {
  readonly title: string;
  /** Stands in the header, so that cells are bare numbers. */
  readonly unit?: string;
  readonly numeric: boolean;
}

/** Rows that belong together, under a line of their own where they have a title. */
interface RowGroup {
  readonly title?: string;
  readonly rows: readonly (readonly TableCell[])[];
}

export interface TableCell {
  readonly text: string;
  /** Smaller, below: an interval, or the lowest and highest. */
  readonly note?: string;
  readonly tone?: "valid" | "suspect" | "invalid";
}

export function text(value: string, note?: string): TableCell {
  return note === undefined || note === "" ? { text: value } : { text: value, note };
}

export function numericColumn(title: string, unit?: string): Column {
  return unit === undefined ? { title, numeric: true } : { title, unit, numeric: true };
}

export function textColumn(title: string): Column {
  return { title, numeric: false };
}
