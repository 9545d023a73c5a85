import type { LatencySummary } from "../results/schema/metrics.ts";
import { formatClientError } from "./client-errors.ts";
import { formatNumber, formatRange, NONE } from "./describe.ts";
import type { Estimate } from "./estimates.ts";
import { type Column, numericColumn, type TableCell, text } from "./table.ts";

/** A value with its interval in brackets, or its lowest and highest in parentheses, below. */
export function estimateCell(estimate: Estimate | null, divisor = 1): TableCell {
  if (estimate === null) return text(NONE);
  const value = formatNumber(estimate.value / divisor);
  if (estimate.low === undefined || estimate.high === undefined) return text(value);
  const range = formatRange(estimate.low / divisor, estimate.high / divisor);
  return text(value, estimate.spread === "interval" ? `[${range}]` : `(${range})`);
}

/** Count, mean, lowest, the percentiles that the sample carries, and highest; each with its interval below. */
export function latencyCells(latency: LatencySummary | null): readonly TableCell[] {
  if (latency === null) return Array.from({ length: LATENCY_COLUMNS.length }, () => text(NONE));
  const withInterval = (key: "mean" | "p50" | "p90" | "p95" | "p99") => {
    const interval = latency.intervals[key];
    const notes = [
      ...(interval === undefined ? [] : [`[${formatRange(...interval)}]`]),
      ...(latency[key] === null ? [] : [formatClientError(latency, key) ?? []].flat()),
    ];
    return text(formatNumber(latency[key]), notes.length === 0 ? undefined : notes.join(" "));
  };
  return [
    text(String(latency.count)),
    withInterval("mean"),
    text(formatNumber(latency.min)),
    withInterval("p50"),
    withInterval("p90"),
    withInterval("p95"),
    withInterval("p99"),
    text(formatNumber(latency.max)),
  ];
}

/** The columns of `latencyCells`. */
export const LATENCY_COLUMNS: readonly Column[] = [
  "n",
  "Mean",
  "Lowest",
  "p50",
  "p90",
  "p95",
  "p99",
  "Highest",
].map((title) => numericColumn(title));
