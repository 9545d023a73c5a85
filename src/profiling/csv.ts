/** One line of CSV as RFC 4180 has it: quotes around fields with commas, doubled inside. Fields hold no line breaks. */
export function splitCsvLine(line: string): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] !== '"') {
      const comma = line.indexOf(",", at);
      if (comma === -1) return [...fields, line.slice(at)];
      fields.push(line.slice(at, comma));
      at = comma + 1;
      continue;
    }
    let end = at + 1;
    while (end < line.length && (line[end] !== '"' || line[end + 1] === '"'))
      end += line[end] === '"' ? 2 : 1;
    fields.push(line.slice(at + 1, end).replaceAll('""', '"'));
    if (end + 1 >= line.length) return fields;
    at = end + 2;
  }
}

/** A header as nsys writes it, units taken off: `Total Time (ns)` is { name: "total time", unit: "ns" }. */
export interface Header {
  readonly name: string;
  readonly unit: string | undefined;
}

export function readHeader(fields: readonly string[]): readonly Header[] {
  return fields.map((field) => {
    const match = /^(.*?)\s*(?:\(([^()]*)\))?$/.exec(field.trim());
    return { name: (match?.[1] ?? field).toLowerCase(), unit: match?.[2] };
  });
}

/** A number as nsys writes it, also under a locale with decimal commas; undefined for an empty field or a word. */
export function readNumber(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  const value = Number(text.trim().replace(/^(-?\d+),(\d+)$/, "$1.$2"));
  return Number.isFinite(value) ? value : undefined;
}

const nanoseconds: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  usec: 1e3,
  nsec: 1,
  ms: 1e6,
  msec: 1e6,
  s: 1e9,
  sec: 1e9,
};

/** How many nanoseconds a unit of a header is; nsys writes nanoseconds unless it is told otherwise. */
export function nanosecondsOf(unit: string | undefined): number | undefined {
  return unit === undefined ? 1 : nanoseconds[unit];
}

const megabytes: Readonly<Record<string, number>> = {
  B: 1e-6,
  bytes: 1e-6,
  KB: 1e-3,
  KiB: 1024 / 1e6,
  MB: 1,
  MiB: 1024 ** 2 / 1e6,
  GB: 1e3,
  GiB: 1024 ** 3 / 1e6,
};

/** How many times 10⁶ bytes a unit of a header is. */
export function megabytesOf(unit: string | undefined): number | undefined {
  return unit === undefined ? undefined : megabytes[unit];
}
