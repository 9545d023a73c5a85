import { binomialCdf, tQuantile } from "./probability.ts";
import type { LatencySummary } from "./schema/metrics.ts";

/** Confidence level of every interval. */
export const LEVEL = 0.95;
const TAIL = (1 - LEVEL) / 2;

export type PercentileName = "p50" | "p90" | "p95" | "p99";

/**
 * Fewest independent samples to print a percentile with: from here up the second largest sample is a 99 % upper
 * bound of it. Source: early stopping of MLPerf LoadGen (loadgen/early_stopping.cc), one sample discarded.
 */
export const MIN_SAMPLES: Readonly<Record<PercentileName, number>> = { p50: 11, p90: 64, p95: 130, p99: 662 };

export const PERCENTILES: readonly (readonly [PercentileName, number])[] = [
  ["p50", 0.5],
  ["p90", 0.9],
  ["p95", 0.95],
  ["p99", 0.99],
];

/** Fewest requests for the interval of a mean, and for intervals of pooled gaps. */
export const MIN_FOR_MEAN = 11;
/** And fewest independent ones: with two or three, t makes intervals that say nothing. */
const MIN_INDEPENDENT_FOR_MEAN = 5;

export type Interval = [number, number];

/**
 * The p-quantile of sorted values, by linear interpolation between the two nearest (type 7 of Hyndman and Fan, 1996):
 * what numpy and so most load generators print. `sorted` is not empty.
 */
export function quantile(sorted: ArrayLike<number>, p: number): number {
  return quantileAt((rank) => sorted[rank] as number, sorted.length, p);
}

/** The same where values are looked up by rank (0 first), so that they need not lie in an array. */
export function quantileAt(valueAt: (rank: number) => number, count: number, p: number): number {
  const position = (count - 1) * p;
  const below = Math.floor(position);
  const lower = valueAt(below);
  const part = position - below;
  return part === 0 ? lower : lower + part * (valueAt(below + 1) - lower);
}

/**
 * Lag-1 autocorrelation of values in time order; pairs that straddle the start of a series are left out.
 * 0 where the values do not vary.
 */
export function lag1Autocorrelation(
  values: ArrayLike<number>,
  starts: ReadonlySet<number> = new Set(),
): number {
  const n = values.length;
  if (n < 3) return 0;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += ((values[i] as number) - mean) / (i + 1);
  let pairs = 0;
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const here = (values[i] as number) - mean;
    squares += here * here;
    if (i > 0 && !starts.has(i)) pairs += here * ((values[i - 1] as number) - mean);
  }
  return squares <= n * (1e-12 * mean) ** 2 ? 0 : pairs / squares;
}

/** Independent samples that n samples with lag-1 autocorrelation ρ count for: n (1 − ρ) / (1 + ρ) where ρ > 0.1. */
export function effectiveCount(n: number, rho: number): number {
  return rho > 0.1 ? (n * (1 - rho)) / (1 + rho) : n;
}

/**
 * Ranks (1 first) of the two order statistics that hold the p-quantile of n independent samples between them with at
 * least the level's chance, whatever the distribution, each end failing with at most half the rest. Undefined where
 * the sample is too small to have both. Source: David and Nagaraja, Order Statistics, 3rd ed., 7.1.
 */
export function orderRanks(n: number, p: number): readonly [number, number] | undefined {
  // The lower end is above the quantile with chance P(B < rank), the upper end below it with chance P(B >= rank).
  const lower = firstRank(n, (rank) => binomialCdf(rank, n, p) > TAIL);
  const upper = firstRank(n, (rank) => binomialCdf(rank - 1, n, p) >= 1 - TAIL);
  return lower === 0 || upper > n ? undefined : [lower, upper];
}

/** The lowest of 0 … n + 1 that satisfies a condition which stays true once it is. */
function firstRank(n: number, holds: (rank: number) => boolean): number {
  let low = 0;
  let high = n + 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Interval of the p-quantile from order statistics. With fewer effective samples than values the ranks are found for
 * the effective number and stretched over the values, outwards.
 */
function quantileInterval(sorted: ArrayLike<number>, p: number, effective: number): Interval | undefined {
  const n = sorted.length;
  const samples = Math.min(n, Math.floor(effective));
  const ranks = orderRanks(samples, p);
  if (ranks === undefined) return undefined;
  const stretch = (n + 1) / (samples + 1);
  const lower = Math.max(1, Math.floor(ranks[0] * stretch));
  const upper = Math.min(n, Math.ceil(ranks[1] * stretch));
  return [sorted[lower - 1] as number, sorted[upper - 1] as number];
}

/** Student's t interval of a mean; `samples` may be fewer than the values it was computed from. Needs at least 2. */
export function meanInterval(mean: number, standardDeviation: number, samples: number): Interval | undefined {
  if (samples < 2) return undefined;
  const half = (tQuantile(1 - TAIL, samples - 1) * standardDeviation) / Math.sqrt(samples);
  return [mean - half, mean + half];
}

/** Of a quantity that cannot be negative: t knows no bound, and its lower end may pass 0 where the spread is wide. */
export function fromZero([low, high]: Interval): Interval {
  return [Math.max(0, low), high];
}

export function meanAndDeviation(values: ArrayLike<number>): { mean: number; deviation: number } {
  // Welford's update: stable, one pass.
  let mean = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const step = value - mean;
    mean += step / (i + 1);
    squares += step * (value - mean);
  }
  return { mean, deviation: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)) };
}

/** 97.5 % quantile of the standard normal. */
const Z = 1.959963984540054;

/** Interval of a share: k of n. Source: Wilson, JASA 22 (1927) 209. Null without samples. */
export function wilsonInterval(k: number, n: number): Interval | null {
  if (n === 0) return null;
  const share = k / n;
  const scale = 1 + (Z * Z) / n;
  const centre = (share + (Z * Z) / (2 * n)) / scale;
  const half = (Z / scale) * Math.sqrt((share * (1 - share)) / n + (Z * Z) / (4 * n * n));
  // At k = 0 and k = n one end is the share itself; rounding must not push it past.
  return [Math.min(share, Math.max(0, centre - half)), Math.max(share, Math.min(1, centre + half))];
}

/**
 * Summary of latencies in milliseconds, one a request, in sending order. `starts` are the indices at which a further
 * measurement begins.
 */
export function summariseLatency(
  values: Float64Array,
  starts: ReadonlySet<number> = new Set(),
): LatencySummary {
  const count = values.length;
  const rho = lag1Autocorrelation(values, starts);
  const effective = effectiveCount(count, rho);
  const summary: LatencySummary = {
    count,
    effectiveCount: effective,
    mean: null,
    min: null,
    max: null,
    p50: null,
    p90: null,
    p95: null,
    p99: null,
    intervals: {},
    level: LEVEL,
    method: "percentiles: linear between ranks (type 7), intervals from order statistics (binomial); mean: t",
  };
  if (count === 0) return summary;
  const sorted = values.slice().sort();
  const { mean, deviation } = meanAndDeviation(values);
  summary.mean = mean;
  summary.min = sorted[0] as number;
  summary.max = sorted[count - 1] as number;
  if (count >= MIN_FOR_MEAN && effective >= MIN_INDEPENDENT_FOR_MEAN) {
    const interval = meanInterval(mean, deviation, effective);
    if (interval !== undefined) summary.intervals.mean = fromZero(interval);
  }
  for (const [name, p] of PERCENTILES) {
    if (effective < MIN_SAMPLES[name]) continue;
    summary[name] = quantile(sorted, p);
    const interval = quantileInterval(sorted, p, effective);
    if (interval !== undefined) summary.intervals[name] = interval;
  }
  return summary;
}
