import { displayWidth, padEnd, printable, shorten } from "../display-width.ts";
import type { Results } from "../results/schema/results.ts";
import type { VerdictStatus } from "../results/schema/verdict.ts";
import { formatTime, NONE, VERDICT_MARKS } from "./describe.ts";
import { terminalStyle } from "./terminal-style.ts";
import { countVerdicts } from "./verdicts.ts";

/** One run as `llmbench list` shows it. */
export interface RunListEntry {
  readonly id: string;
  readonly startedAt: string;
  /** `running`: a process writes to it at this moment. */
  readonly status: Results["run"]["status"] | "running";
  readonly simulated: boolean;
  readonly cells: { readonly done: number; readonly total: number };
  readonly points: Readonly<Record<VerdictStatus, number>>;
}

export function describeRun(results: Results, running = false): RunListEntry {
  return {
    id: results.run.id,
    startedAt: results.run.startedAt,
    status: running ? "running" : results.run.status,
    simulated: results.simulated,
    cells: {
      done: results.cells.filter((cell) => cell.status === "done").length,
      total: Math.max(results.run.plan.cells.length, results.cells.length),
    },
    points: countVerdicts(results),
  };
}

const GAP = "  ";

/** A line a run, in the order given. What is cut where the terminal is narrow stands last: never the id. */
export function renderRunList(
  entries: readonly RunListEntry[],
  options: { readonly columns: number; readonly color: boolean },
): string {
  if (entries.length === 0) return "No runs yet.\n";
  const style = terminalStyle(options.color);
  const heads = ["run", "started (UTC)", "status", "cells", "points"];
  const rows = entries.map((entry) => [
    printable(entry.id),
    formatTime(entry.startedAt).replace(" UTC", ""),
    entry.simulated ? `${entry.status}, simulated` : entry.status,
    `${entry.cells.done}/${entry.cells.total}`,
    describePoints(entry.points),
  ]);
  const widths = heads.map((head, i) =>
    Math.max(displayWidth(head), ...rows.map((row) => displayWidth(row[i] ?? ""))),
  );
  const line = (texts: readonly string[]) =>
    texts
      .map((text, i) => padEnd(text, widths[i] ?? 0))
      .join(GAP)
      .trimEnd();
  const fit = (text: string) => shorten(text, Math.max(20, options.columns));
  return `${[style.dim(fit(line(heads))), ...rows.map((row) => fit(line(row)))].join("\n")}\n`;
}

function describePoints(points: RunListEntry["points"]): string {
  const shown = (["valid", "suspect", "invalid"] as const).filter((status) => points[status] > 0);
  return shown.length === 0
    ? NONE
    : shown.map((status) => `${points[status]} ${VERDICT_MARKS[status]}`).join("  ");
}
