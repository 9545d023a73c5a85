import { displayWidth, padEnd, padStart, printable, shorten } from "../display-width.ts";
import type { PointResult, Results } from "../results/schema/results.ts";
import type { VerdictStatus } from "../results/schema/verdict.ts";
import { describeClientErrors } from "./client-errors.ts";
import { describeLoad, formatNumber, formatRange, NONE, VERDICT_MARKS } from "./describe.ts";
import { type Estimate, latencyMean, throughputOf } from "./estimates.ts";
import { groupByModel, type LoadGroup, type ModelGroup, measuredPoints, variantName } from "./groups.ts";
import type { TerminalStyle } from "./terminal-style.ts";

/** What the columns hold, from the fullest to the barest; the first that leaves names room is taken. */
interface Layout {
  readonly e2e: boolean;
  /** Intervals, or lowest and highest, beside the means. */
  readonly spread: boolean;
  readonly slo: boolean;
  readonly requests: boolean;
}

const BAREST: Layout = { e2e: false, spread: false, slo: false, requests: false };
const LAYOUTS: readonly Layout[] = [
  { e2e: true, spread: true, slo: true, requests: true },
  { e2e: false, spread: true, slo: true, requests: true },
  { e2e: true, spread: false, slo: true, requests: true },
  { e2e: false, spread: false, slo: true, requests: true },
  { e2e: false, spread: false, slo: false, requests: true },
  BAREST,
];

/** Names shorter than this are hard to tell apart. */
const LEAST_NAME = 14;
const INDENT = 2;
const GAP = 2;

interface Row {
  readonly name: string;
  readonly point: PointResult;
}

export interface RenderedTable {
  readonly lines: readonly string[];
  /** What its signs mean. */
  readonly legend: readonly string[];
}

/** One table a model: a line for each load, under it a row for each variant. Never wider than `columns`. */
export function renderTables(results: Results, columns: number, style: TerminalStyle): RenderedTable {
  const models = groupByModel(results).filter((model) => model.blocks.length > 0);
  const hasSlo = results.slos !== undefined;
  const points = results.cells.flatMap(measuredPoints);
  const longest = Math.max(
    0,
    ...results.cells.map((cell) => displayWidth(printable(variantName(results, cell)))),
  );
  const fits = (layout: Layout) =>
    columns - fixedWidth(layout, points, hasSlo) >= INDENT + Math.min(longest, LEAST_NAME);
  const layout = LAYOUTS.find(fits) ?? BAREST;
  const name = Math.max(4, Math.min(INDENT + longest, columns - fixedWidth(layout, points, hasSlo)));
  const widths = [name, ...columnsOf(layout, points, hasSlo).map((column) => column.width)];
  return {
    lines: models.flatMap((model, i) => [
      ...(i === 0 ? [] : [""]),
      ...renderModel(results, model, { layout, widths, columns, hasSlo, style }),
    ]),
    legend: describeLegend(points, layout),
  };
}

interface Frame {
  readonly layout: Layout;
  readonly widths: readonly number[];
  readonly columns: number;
  readonly hasSlo: boolean;
  readonly style: TerminalStyle;
}

function renderModel(results: Results, model: ModelGroup, frame: Frame): readonly string[] {
  const { style, widths, columns } = frame;
  const heads = columnsOf(frame.layout, [], frame.hasSlo).map((column) => column.title);
  const total = widths.reduce((sum, width) => sum + width + GAP, -GAP);
  const lines = [
    style.bold(shorten(printable(model.model), columns)),
    style.dim(joinRow(["", ...heads], widths).trimEnd()),
  ];
  for (const block of model.blocks) {
    for (const group of block.loads) {
      const title =
        model.blocks.length > 1 ? `${block.block}: ${describeLoad(group.load)}` : describeLoad(group.load);
      lines.push(style.bold(shorten(printable(title), Math.max(total, 20))));
      lines.push(...rowsOf(results, group).map((row) => renderRow(row, frame)));
    }
  }
  return lines;
}

function rowsOf(results: Results, group: LoadGroup): readonly Row[] {
  return group.entries.map(({ cell, point }) => ({ name: variantName(results, cell), point }));
}

function renderRow(row: Row, frame: Frame): string {
  const name = " ".repeat(INDENT) + shorten(printable(row.name), (frame.widths[0] ?? 0) - INDENT);
  const texts = columnsOf(frame.layout, [], frame.hasSlo).map((column) => column.text(row.point));
  const line = joinRow([name, ...texts.slice(0, -1), ""], frame.widths).trimEnd();
  const mark = paintVerdict(row.point.verdict.status, texts.at(-1) ?? "", frame.style);
  const left = frame.widths.slice(0, -1).reduce((sum, width) => sum + width + GAP, 0);
  return `${padEnd(line, left)}${mark}`;
}

function paintVerdict(status: VerdictStatus, text: string, style: TerminalStyle): string {
  return status === "valid" ? style.green(text) : status === "suspect" ? style.yellow(text) : style.red(text);
}

function joinRow(texts: readonly string[], widths: readonly number[]): string {
  return texts
    .map((text, i) => (i === 0 ? padEnd(text, widths[0] ?? 0) : padStart(text, widths[i] ?? 0)))
    .join(" ".repeat(GAP));
}

interface Column {
  readonly title: string;
  readonly width: number;
  readonly text: (point: PointResult) => string;
}

function columnsOf(layout: Layout, points: readonly PointResult[], hasSlo: boolean): readonly Column[] {
  const latency = (name: "ttft" | "tpot" | "e2e") => (point: PointResult) =>
    formatEstimate(latencyMean(point, name), layout.spread);
  const all: (readonly [boolean, string, (point: PointResult) => string])[] = [
    // Where requests are not counted, the mark of too few stands with the first figure.
    [true, "tokens/s", (point) => formatThroughput(point) + (layout.requests ? "" : fewMark(point))],
    [true, "TTFT ms", latency("ttft")],
    [true, "TPOT ms", latency("tpot")],
    [layout.e2e, "E2E ms", latency("e2e")],
    [hasSlo && layout.slo, "in SLO", (point) => formatSlo(point)],
    [layout.requests, "n", (point) => formatRequests(point, layout)],
    [true, "", (point) => VERDICT_MARKS[point.verdict.status]],
  ];
  return all
    .filter(([shown]) => shown)
    .map(([, title, text]) => ({
      title,
      text,
      width: Math.max(displayWidth(title), 1, ...points.map((point) => displayWidth(text(point)))),
    }));
}

function fixedWidth(layout: Layout, points: readonly PointResult[], hasSlo: boolean): number {
  return columnsOf(layout, points, hasSlo).reduce((sum, column) => sum + column.width + GAP, 0);
}

function formatEstimate(estimate: Estimate | null, spread: boolean): string {
  if (estimate === null) return NONE;
  const value = formatNumber(estimate.value);
  if (!spread || estimate.low === undefined || estimate.high === undefined) return value;
  const range = formatRange(estimate.low, estimate.high);
  return estimate.spread === "interval" ? `${value} [${range}]` : `${value} (${range})`;
}

function formatThroughput(point: PointResult): string {
  const inWindow = throughputOf(point, "window");
  if (inWindow !== null) return formatNumber(inWindow.value);
  const fullRun = throughputOf(point, "full-run");
  return fullRun === null ? NONE : `${formatNumber(fullRun.value)}†`;
}

function formatSlo(point: PointResult): string {
  const share = point.metrics?.goodput?.share;
  return share === undefined ? NONE : `${Math.floor(share * 100)} %`;
}

function formatRequests(point: PointResult, layout: Layout): string {
  const { ok, planned } = point.requests;
  return `${ok === planned ? ok : `${ok}/${planned}`}${layout.spread ? "" : fewMark(point)}`;
}

function fewMark(point: PointResult): string {
  return point.metrics !== null && latencyMean(point, "e2e")?.spread !== "interval" ? "*" : "";
}

function describeLegend(points: readonly PointResult[], layout: Layout): readonly string[] {
  const estimates = points.map((point) => latencyMean(point, "e2e"));
  const few = estimates.some((estimate) => estimate !== null && estimate.spread !== "interval");
  const enough = estimates.some((estimate) => estimate?.spread === "interval");
  const level = formatNumber((points[0]?.metrics?.e2eMs.level ?? 0.95) * 100).replace(/\.0$/, "");
  const parts = ["Latencies are means"];
  if (layout.spread && enough) parts.push(`[a–b] is the mean's ${level} % interval`);
  if (layout.spread && few) parts.push("(a–b) lowest and highest, too few requests for an interval");
  if (!layout.spread && few) parts.push("* too few requests for an interval");
  const legend = [`${parts.join("; ")}.`];
  if (
    points.some((point) => throughputOf(point, "window") === null && throughputOf(point, "full-run") !== null)
  ) {
    legend.push("† over the full run: too few requests for a window at full load.");
  }
  if (points.some((point) => point.load.arrival !== "closed")) {
    legend.push("At an offered rate TTFT and E2E count from the scheduled time.");
  }
  const clientErrors = describeClientErrors(points);
  if (clientErrors !== undefined) legend.push(clientErrors);
  return points.length === 0 ? [] : legend;
}
