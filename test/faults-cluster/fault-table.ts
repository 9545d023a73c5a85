import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { outputFolder } from "./place.ts";

/** What one fault led to. Seconds are of the wall clock. */
export interface FaultRow {
  readonly fault: string;
  /** The node that failed, with what it says; several lines. */
  readonly says: string;
  /** From the fault to the failed node. */
  readonly toFailure: number | undefined;
  /** How it was retried: `argo retry`, … */
  readonly retry: string;
  /** From the retry to the workflow's end. */
  readonly retrySeconds: number | undefined;
  /** Finished measurements that the retry left as they were. */
  readonly kept: number;
  /** Measurements that the retry made. */
  readonly made: number;
  /** Deployments, Services and pods of the run a minute after each of its ends. */
  readonly serversLeft: number;
}

const rowsFile = () => join(outputFolder, "rows.ndjson");

export function clearRows(): void {
  rmSync(rowsFile(), { force: true });
  mkdirSync(outputFolder, { recursive: true });
}

/** Rows go through a file: every test file has a process of its own. */
export function addRow(row: FaultRow): void {
  appendFileSync(rowsFile(), `${JSON.stringify(row)}\n`);
}

/** Prints the table and leaves it as Markdown; says where. Nothing where no fault was tried. */
export function writeTable(print: (text: string) => void): void {
  if (!existsSync(rowsFile())) return;
  const rows = readFileSync(rowsFile(), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as FaultRow);
  const table = renderTable(rows);
  const path = join(outputFolder, "faults.md");
  writeFileSync(path, table);
  print(`\n${table}\nThe same in ${path}\n`);
}

function renderTable(rows: readonly FaultRow[]): string {
  const head = [
    "fault",
    "what the failed node says",
    "s to failure",
    "retry",
    "s of retry",
    "kept / made",
    "servers left",
  ];
  const lines = rows.map((row) => [
    row.fault,
    cell(row.says),
    seconds(row.toFailure),
    `\`${row.retry}\``,
    seconds(row.retrySeconds),
    `${row.kept} / ${row.made}`,
    String(row.serversLeft),
  ]);
  return [head, head.map(() => "---"), ...lines].map((line) => `| ${line.join(" | ")} |\n`).join("");
}

/** What happened and what to do; the lines of a log after it are for who looks. */
export function sayingOf(message = ""): string {
  const lines = message.split("\n");
  const advice = lines.findIndex((line) => line.startsWith("what to do:"));
  return lines.slice(0, advice === -1 ? 3 : advice + 1).join("\n");
}

const seconds = (value: number | undefined) => (value === undefined ? "–" : value.toFixed(0));

/** Several lines in one cell of a Markdown table. */
function cell(text: string): string {
  return text.trim().replaceAll("|", "\\|").replaceAll("\n", "<br>");
}
