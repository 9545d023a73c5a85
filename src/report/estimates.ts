import type { LatencySummary, Metrics } from "../results/schema/metrics.ts";
import type { PointResult } from "../results/schema/results.ts";

/** One number to show, with how far it can be trusted. */
export interface Estimate {
  readonly value: number;
  /** Ends of the interval, or the lowest and highest sample; absent where there is neither. */
  readonly low?: number;
  readonly high?: number;
  /** `interval`: of the value, at the summary's level. `range`: lowest and highest, too few samples for an interval. */
  readonly spread: "interval" | "range" | "none";
  /** Samples behind it. */
  readonly count: number;
}

export type LatencyName = "ttft" | "tpot" | "e2e";

/**
 * A latency of a point. Where requests arrive at a rate, TTFT and E2E count from the scheduled time: a server that
 * lets requests wait cannot hide it.
 */
export function latencyOf(point: PointResult, name: LatencyName): LatencySummary | null {
  const metrics = point.metrics;
  if (metrics === null) return null;
  const open = point.load.arrival !== "closed";
  if (name === "tpot") return metrics.tpotMs;
  if (name === "ttft") return (open ? metrics.userTtftMs : undefined) ?? metrics.ttftMs;
  return (open ? metrics.userE2eMs : undefined) ?? metrics.e2eMs;
}

/** The mean with its interval, or with the lowest and highest where too few samples carry one. Null without samples. */
function meanOf(latency: LatencySummary | null): Estimate | null {
  if (latency === null || latency.mean === null) return null;
  const interval = latency.intervals.mean;
  if (interval !== undefined) {
    return {
      value: latency.mean,
      low: interval[0],
      high: interval[1],
      spread: "interval",
      count: latency.count,
    };
  }
  if (latency.min !== null && latency.max !== null) {
    return {
      value: latency.mean,
      low: latency.min,
      high: latency.max,
      spread: "range",
      count: latency.count,
    };
  }
  return { value: latency.mean, spread: "none", count: latency.count };
}

export function latencyMean(point: PointResult, name: LatencyName): Estimate | null {
  return meanOf(latencyOf(point, name));
}

export type ThroughputKind = "window" | "full-run";

/** Output tokens a second, in the window at full load or over the full run. */
export function throughputOf(point: PointResult, kind: ThroughputKind): Estimate | null {
  const metrics = point.metrics;
  if (metrics === null) return null;
  const rate = kind === "window" ? metrics.outputTokensPerSecond : metrics.outputTokensPerSecondFullRun;
  if (rate === null) return null;
  const samples = sampleCount(metrics);
  if (rate.interval === null) return { value: rate.value, spread: "none", count: samples };
  return {
    value: rate.value,
    low: rate.interval[0],
    high: rate.interval[1],
    spread: "interval",
    count: samples,
  };
}

/** The window where every one of these points has one; else the full run for all: two definitions never share a plot. */
export function commonThroughput(points: readonly PointResult[]): ThroughputKind {
  const measured = points.filter((point) => point.metrics !== null);
  return measured.every((point) => point.metrics?.outputTokensPerSecond !== null) ? "window" : "full-run";
}

export const THROUGHPUT_WORDS: Readonly<Record<ThroughputKind, string>> = {
  window: "output tokens per second in the window",
  "full-run": "output tokens per second over the full run",
};

/** Requests behind a point's latencies. */
function sampleCount(metrics: Metrics): number {
  return metrics.e2eMs.count;
}

/** True when both have intervals and these do not touch. */
export function differs(a: Estimate, b: Estimate): boolean {
  if (a.spread !== "interval" || b.spread !== "interval") return false;
  return (a.low ?? a.value) > (b.high ?? b.value) || (b.low ?? b.value) > (a.high ?? a.value);
}
