import type { ProfileRow, ProfileTable } from "../results/schema/profile.ts";
import { type Header, megabytesOf, nanosecondsOf, readHeader, readNumber, splitCsvLine } from "./csv.ts";

/** A report of `nsys stats` that becomes a table, with the names that versions give it, the newest first. */
export interface StatsReport {
  /** Ours: also the name of its CSV file. */
  readonly id:
    | "cuda_gpu_kern_sum"
    | "cuda_api_sum"
    | "cuda_gpu_mem_time_sum"
    | "cuda_gpu_mem_size_sum"
    | "nvtx_sum"
    | "osrt_sum";
  readonly names: readonly string[];
}

/** nsys of 2023 renamed its reports; the old names went away with it. */
export const statsReports: readonly StatsReport[] = [
  { id: "cuda_gpu_kern_sum", names: ["cuda_gpu_kern_sum", "gpukernsum"] },
  { id: "cuda_api_sum", names: ["cuda_api_sum", "cudaapisum"] },
  { id: "cuda_gpu_mem_time_sum", names: ["cuda_gpu_mem_time_sum", "gpumemtimesum"] },
  { id: "cuda_gpu_mem_size_sum", names: ["cuda_gpu_mem_size_sum", "gpumemsizesum"] },
  { id: "nvtx_sum", names: ["nvtx_sum", "nvtxsum"] },
  { id: "osrt_sum", names: ["osrt_sum", "osrtsum"] },
];

/** Every operation on a GPU with its start: what busy time and gaps are made of. */
export const gpuTraceNames: readonly string[] = ["cuda_gpu_trace", "gputrace"];

/** Rows kept in results.json. */
const mostRows = 20;

/** What a column is, by the names that versions and reports give it. */
const columns = {
  total: ["total time", "total"],
  count: ["instances", "num calls", "count", "operations", "calls", "ranges"],
  mean: ["avg", "average"],
  median: ["med", "median"],
  min: ["min", "minimum"],
  max: ["max", "maximum"],
  name: ["name", "operation", "range"],
} as const;
type Column = keyof typeof columns;

/** Numbers of a row in the units of its header: nanoseconds, or 10⁶ bytes. */
interface Row {
  readonly name: string;
  readonly count: number;
  readonly total: number;
  readonly mean: number;
  readonly median: number | null;
  readonly min: number;
  readonly max: number;
}

/**
 * A summary of times. Undefined where the text has no such table: the recording has no data of the kind. Lines before the
 * header are passed over (nsys says there what it does), and so are lines after the table.
 */
export function readTimeTable(csv: string): ProfileTable | undefined {
  const rows = readRows(csv, nanosecondsOf);
  return rows === undefined || rows.length === 0 ? undefined : tableOf(rows.map((row) => ({ row })));
}

/** Memory operations: times, and the sizes of the same operations where that table is there. */
export function readMemoryTable(timeCsv: string, sizeCsv: string): ProfileTable | undefined {
  const times = readRows(timeCsv, nanosecondsOf) ?? [];
  const sizes = new Map((readRows(sizeCsv, megabytesOf) ?? []).map(({ name, total }) => [name, total]));
  if (times.length === 0) return undefined;
  return tableOf(times.map((row) => ({ row, megabytes: sizes.get(row.name) })));
}

/** The table of a summary in what `nsys stats` printed, without what it said before; undefined where there is none. */
export function cutTable(said: string): string | undefined {
  const lines = said.split(/\r?\n/);
  const start = lines.findIndex((line) => findColumns(readHeader(splitCsvLine(line)), () => 1) !== undefined);
  if (start === -1) return undefined;
  const end = lines.findIndex((line, index) => index > start && line.trim() === "");
  const table = lines.slice(start, end === -1 ? undefined : end);
  return table.length < 2 ? undefined : `${table.join("\n")}\n`;
}

function tableOf(entries: readonly { row: Row; megabytes?: number | undefined }[]): ProfileTable {
  const totalNs = entries.reduce((sum, { row }) => sum + row.total, 0);
  const longest = [...entries].sort((a, b) => b.row.total - a.row.total);
  return {
    rows: longest.slice(0, mostRows).map(
      ({ row, megabytes }): ProfileRow => ({
        name: row.name,
        count: row.count,
        totalMs: row.total / 1e6,
        share: totalNs === 0 ? 0 : row.total / totalNs,
        meanUs: row.mean / 1e3,
        medianUs: row.median === null ? null : row.median / 1e3,
        minUs: row.min / 1e3,
        maxUs: row.max / 1e3,
        ...(megabytes === undefined ? {} : { megabytes }),
      }),
    ),
    names: entries.length,
    count: entries.reduce((sum, { row }) => sum + row.count, 0),
    totalMs: totalNs / 1e6,
  };
}

function readRows(
  csv: string,
  factorOf: (unit: string | undefined) => number | undefined,
): readonly Row[] | undefined {
  const lines = csv.split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    const places = findColumns(readHeader(splitCsvLine(line)), factorOf);
    if (places === undefined) continue;
    return lines.slice(index + 1).flatMap((row) => readRow(splitCsvLine(row), places) ?? []);
  }
  return undefined;
}

interface Places {
  readonly at: Readonly<Record<Column, number>>;
  /** Columns of the header: a name with commas that nsys did not quote has more fields. */
  readonly width: number;
  readonly factor: number;
}

/** Where each column stands; undefined for a line that is no header of such a table. */
function findColumns(
  header: readonly Header[],
  factorOf: (unit: string | undefined) => number | undefined,
): Places | undefined {
  const find = (column: Column) =>
    header.findIndex(({ name }) => (columns[column] as readonly string[]).includes(name));
  const at = Object.fromEntries(
    (Object.keys(columns) as Column[]).map((column) => [column, find(column)]),
  ) as Record<Column, number>;
  if (at.total === -1 || at.count === -1 || at.name === -1) return undefined;
  const factor = factorOf(header[at.total]?.unit);
  return factor === undefined ? undefined : { at, width: header.length, factor };
}

function readRow(fields: readonly string[], { at, width, factor }: Places): Row | undefined {
  const total = readNumber(fields[at.total]);
  const count = readNumber(fields[at.count]);
  // The name is the last column in every summary but NVTX's old one: what overflows belongs to it.
  const name = at.name === width - 1 ? fields.slice(at.name).join(",") : fields[at.name];
  if (total === undefined || count === undefined || name === undefined || name === "") return undefined;
  const value = (column: Column) => {
    const number = readNumber(fields[at[column]]);
    return number === undefined ? undefined : number * factor;
  };
  const mean = value("mean") ?? (count === 0 ? 0 : (total * factor) / count);
  return {
    name,
    count: Math.round(count),
    total: total * factor,
    mean,
    median: value("median") ?? null,
    min: value("min") ?? mean,
    max: value("max") ?? mean,
  };
}
