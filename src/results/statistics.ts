import { dependsOnBefore, independentCount } from "./correlation.ts";
import { orderRanks } from "./order-ranks.ts";
import { tQuantile } from "./probability.ts";
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
 * Interval of the p-quantile from order statistics. With fewer effective samples than values the ranks are found for
 * the effective number and stretched over the values, outwards.
 */
function quantileInterval(sorted: ArrayLike<number>, p: number, effective: number): Interval | undefined {
  const n = sorted.length;
  const samples = Math.min(n, Math.floor(effective));
  const ranks = orderRanks(samples, p, LEVEL);
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

/**
 * The same where values are skewed, as latencies are: t by the monotone transformation that removes its skewness, turned
 * back (Hall, J. R. Statist. Soc. B 54 (1992) 221). `skewness` 0 gives Student's.
 */
function skewedMeanInterval({ mean, deviation, skewness }: Moments, samples: number): Interval | undefined {
  if (samples < 2) return undefined;
  const root = Math.sqrt(samples);
  const bend = skewness / (3 * root);
  const shift = skewness / (6 * root);
  const turnedBack = (t: number) =>
    Math.abs(bend) < 1e-9 ? t : (Math.cbrt(1 + 3 * bend * (t - shift)) - 1) / bend;
  const t = tQuantile(1 - TAIL, samples - 1);
  return [mean - (turnedBack(t) * deviation) / root, mean - (turnedBack(-t) * deviation) / root];
}

/** Of a quantity that cannot be negative: t knows no bound, and its lower end may pass 0 where the spread is wide. */
export function fromZero([low, high]: Interval): Interval {
  return [Math.max(0, low), high];
}

export interface Moments {
  readonly mean: number;
  /** The sample's, of n - 1. */
  readonly deviation: number;
  /** Third central moment over the cube of the deviation, both of n. 0 where values do not vary. */
  readonly skewness: number;
}

export function moments(values: ArrayLike<number>): Moments {
  const n = values.length;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += ((values[i] as number) - mean) / (i + 1);
  let squares = 0;
  let cubes = 0;
  for (let i = 0; i < n; i++) {
    const off = (values[i] as number) - mean;
    squares += off * off;
    cubes += off * off * off;
  }
  const varies = n > 1 && squares > n * (1e-12 * mean) ** 2;
  return {
    mean,
    deviation: varies ? Math.sqrt(squares / (n - 1)) : 0,
    skewness: varies ? cubes / n / (squares / n) ** 1.5 : 0,
  };
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
 * Interval of the mean of latencies that count for `effective` independent ones; undefined where they are too few.
 */
export function latencyMeanInterval(ofAll: Moments, count: number, effective: number): Interval | undefined {
  if (count < MIN_FOR_MEAN || effective < MIN_INDEPENDENT_FOR_MEAN) return undefined;
  const interval = skewedMeanInterval(ofAll, effective);
  return interval === undefined ? undefined : fromZero(interval);
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
  const dependent = dependsOnBefore(values, starts);
  const effective = dependent ? independentCount(values, starts) : count;
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
    method:
      "percentiles: linear between ranks (type 7), intervals from order statistics (binomial); mean: t without skewness (Hall)",
  };
  if (count === 0) return summary;
  const sorted = values.slice().sort();
  const ofAll = moments(values);
  summary.mean = ofAll.mean;
  summary.min = sorted[0] as number;
  summary.max = sorted[count - 1] as number;
  const ofMean = latencyMeanInterval(ofAll, count, effective);
  if (ofMean !== undefined) summary.intervals.mean = ofMean;
  for (const [name, p] of PERCENTILES) {
    const value = quantile(sorted, p);
    // What is above a high quantile depends less on what was before than the values themselves.
    const samples = dependent
      ? independentCount(
          values.map((each) => (each > value ? 1 : 0)),
          starts,
        )
      : count;
    if (samples < MIN_SAMPLES[name]) continue;
    summary[name] = value;
    const interval = quantileInterval(sorted, p, samples);
    if (interval !== undefined) summary.intervals[name] = interval;
  }
  return summary;
}
