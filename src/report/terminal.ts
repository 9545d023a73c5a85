import { printable, wrap } from "../display-width.ts";
import type { AbComparison } from "../results/schema/ab.ts";
import type { Results } from "../results/schema/results.ts";
import { COST_FORMULA, capacitySentences, costSentences } from "./capacity.ts";
import { count, formatMs, simulatedSentence } from "./describe.ts";
import { cellName } from "./groups.ts";
import { findHeadline } from "./headline.ts";
import { REASONS } from "./reasons.ts";
import { type TerminalStyle, terminalStyle } from "./terminal-style.ts";
import { renderTables } from "./terminal-table.ts";
import { countVerdicts, describeCounts, type FindingGroup, groupFindings } from "./verdicts.ts";

export interface TerminalOptions {
  readonly columns: number;
  /** The caller decides: a terminal and no NO_COLOR. */
  readonly color: boolean;
  /** Where the HTML report lies, as a person should type it. */
  readonly reportPath?: string;
}

const LEAST_COLUMNS = 40;

/**
 * What a run ends with, and what `llmbench show` prints: tables, the headline, verdicts, the path of the report.
 * No line but the path is wider than `columns` (at least 40). Ends with a line feed.
 */
export function renderTerminal(results: Results, options: TerminalOptions): string {
  const columns = Math.max(LEAST_COLUMNS, options.columns);
  const style = terminalStyle(options.color);
  const { lines: table, legend } = renderTables(results, columns, style);
  const sections: (readonly string[])[] = [
    wrap(describeRunLine(results), columns).map(style.bold),
    results.simulated
      ? wrap(`SIMULATED. ${simulatedSentence(results.cells)}`, columns).map(style.yellow)
      : [],
    table,
    legend.flatMap((line) => wrap(line, columns)).map(style.dim),
    wrap(printable(findHeadline(results).sentence), columns).map(style.bold),
    renderComparisons(results, columns, style),
    renderCapacity(results, columns, style),
    renderVerdicts(results, columns, style),
    renderFailures(results, columns, style),
    renderIncomplete(results, columns, style),
    options.reportPath === undefined ? [] : [`Report: ${printable(options.reportPath)}`],
  ];
  return `${sections
    .filter((section) => section.length > 0)
    .map((section) => section.join("\n"))
    .join("\n\n")}\n`;
}

function describeRunLine(results: Results): string {
  const { id, status, startedAt, finishedAt } = results.run;
  const parts = [printable(id), status];
  if (finishedAt !== undefined) parts.push(formatMs(Date.parse(finishedAt) - Date.parse(startedAt)));
  return parts.join(" · ");
}

/** Of an A/B: each comparison in its own words, the findings first. */
function renderComparisons({ ab }: Results, columns: number, style: TerminalStyle): readonly string[] {
  const paint = { better: style.green, worse: style.red, "no-difference-shown": style.dim } as const;
  const comparisons = ab?.comparisons ?? [];
  const isFound = ({ finding }: AbComparison) => finding !== "no-difference-shown";
  return [...comparisons.filter(isFound), ...comparisons.filter((each) => !isFound(each))].flatMap(
    ({ sentence, finding }) => wrap(printable(sentence), columns, 2).map(paint[finding]),
  );
}

/** Searches in words, and the cost at each capacity or, without a search, the cheapest point of each cell. */
function renderCapacity(results: Results, columns: number, style: TerminalStyle): readonly string[] {
  const costs = costSentences(results);
  const found = capacitySentences(results);
  // The headline has them where there is nothing else.
  const told = found.length > 0 && findHeadline(results).sentence.includes(found[0] as string);
  return [
    ...(told ? [] : found).flatMap((line) => wrap(printable(line), columns, 2)).map(style.bold),
    ...costs.flatMap((line) => wrap(printable(line), columns, 2)),
    ...(costs.length > 0 ? wrap(COST_FORMULA, columns, 2).map(style.dim) : []),
  ];
}

function renderVerdicts(results: Results, columns: number, style: TerminalStyle): readonly string[] {
  const counts = countVerdicts(results);
  const words = `Verdicts: ${describeCounts(counts)}.`;
  const color = counts.invalid > 0 ? style.red : counts.suspect > 0 ? style.yellow : style.green;
  return [
    ...wrap(words, columns).map(color),
    ...groupFindings(results).flatMap((group) => renderGroup(group, columns, style)),
  ];
}

/** What changes no verdict is summed up in one line; the rest names each place, at most three. */
function renderGroup(group: FindingGroup, columns: number, style: TerminalStyle): readonly string[] {
  const { title, advice } = REASONS[group.code];
  const n = group.findings.length;
  if (group.status === "note") {
    return wrap(`note ${group.code}: ${title} (${count(n, "point")}).`, columns, 2).map(style.dim);
  }
  const paint = group.status === "invalid" ? style.red : style.yellow;
  const mark = group.status === "invalid" ? "✗" : "?";
  const shown = group.findings.slice(0, 3);
  return [
    ...wrap(`${mark} ${group.status} ${group.code}: ${title}.`, columns, 2).map(paint),
    ...shown.flatMap(({ place, reason }) => wrap(`    ${printable(`${place}: ${reason.text}`)}`, columns, 4)),
    ...(n > shown.length ? [`    and ${count(n - shown.length, "more point")}`] : []),
    ...wrap(`    ${advice}`, columns, 4).map(style.dim),
  ];
}

function renderFailures(results: Results, columns: number, style: TerminalStyle): readonly string[] {
  return results.cells.flatMap((cell) => {
    if (cell.error === undefined) return [];
    const { code, message, hint } = cell.error;
    return [
      ...wrap(printable(`${cellName(results, cell)} ${cell.status}: ${message} (${code})`), columns, 2).map(
        style.red,
      ),
      ...(hint === undefined ? [] : wrap(`  ${printable(hint)}`, columns, 2)),
    ];
  });
}

function renderIncomplete(results: Results, columns: number, style: TerminalStyle): readonly string[] {
  if (results.incomplete.length === 0) return [];
  const shown = results.incomplete.slice(0, 3);
  const more = results.incomplete.length - shown.length;
  return [
    style.yellow("Incomplete:"),
    ...shown.flatMap((item) => wrap(`  ${printable(item)}`, columns, 4)),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}
