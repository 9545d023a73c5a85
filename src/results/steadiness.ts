import { independentCount } from "./correlation.ts";
import { moments } from "./statistics.ts";

/** A latency that was not the same all the time, in sending order. */
export interface Unsteady {
  /** `warm-up`: requests at the start were unlike all that came after; `drift`: it went up or down all the time. */
  readonly kind: "warm-up" | "drift";
  /** How many requests the warm-up took; the first third, of a drift. */
  readonly first: number;
  /** Warm-up: mean of the first over that of the rest, less 1. Drift: mean of the last third over that of the first, less 1. */
  readonly change: number;
  /** By how much the first requests moved the mean of all, as a share of it; drift: the same as `change`. */
  readonly bias: number;
}

/** Fewest answers in which either is looked for: of fewer nobody can tell that they depend on each other. */
const FEWEST = 100;
/** Deviations beyond which a finding is no chance. Steady series pass them in less than 1 % of measurements (test/statistics). */
const SIGNIFICANT_SHIFT = 4.5;
const SIGNIFICANT_TREND = 4;
/** A warm-up that moves the mean by less, and a drift that is less, say nothing that a reader needs. */
const LEAST_BIAS = 0.01;
const LEAST_DRIFT = 0.05;
/** A trend is looked for in at most so many values, each the mean of neighbours: pairs grow with the square. */
const MOST_FOR_TREND = 100;

/**
 * Whether latencies in sending order have a warm-up that is not over, or drift. Undefined where neither is shown.
 *
 * Warm-up: MSER-5 (White, Simulation 69 (1997) 323) finds where it ends at the latest, and the rank-sum test (Wilcoxon; Mann
 * and Whitney) where up to there the values before are the least like those after, as Pettitt does (Applied Statistics 28
 * (1979) 126), and whether that is chance. Drift: the test of Mann (1945) and Kendall, its variance
 * widened by the autocorrelation of the ranks without their trend, as Hamed and Rao do (J. Hydrology 204 (1998) 182), but
 * summed by Geyer's initial positive sequence: the sum over single significant lags raises ten times as many false alarms.
 */
export function findUnsteady(values: Float64Array): Unsteady | undefined {
  const n = values.length;
  if (n < FEWEST) return undefined;
  const { first, score } = largestShift(values, warmUpEnd(values));
  const rest = values.subarray(first);
  // Where what is left still has a trend, there was no warm-up that ended. A curve shows there, where it is nearly straight.
  const stillDrifts = Math.abs(trendScore(rest)) > SIGNIFICANT_TREND;
  if (Math.abs(score) > SIGNIFICANT_SHIFT && !stillDrifts) {
    const after = moments(rest).mean;
    const bias = moments(values).mean / after - 1;
    const change = moments(values.subarray(0, first)).mean / after - 1;
    if (after > 0 && Math.abs(bias) >= LEAST_BIAS) return { kind: "warm-up", first, change, bias };
  }
  if (!stillDrifts && Math.abs(trendScore(values)) <= SIGNIFICANT_TREND) return undefined;
  const third = Math.floor(n / 3);
  const before = moments(values.subarray(0, third)).mean;
  const change = moments(values.subarray(n - third)).mean / before - 1;
  // A client that is late reads whole answers at once: of times of 0 nothing is a share.
  return before > 0 && Math.abs(change) >= LEAST_DRIFT
    ? { kind: "drift", first: third, change, bias: change }
    : undefined;
}

/**
 * How many values at the start to leave out for the smallest standard error of the mean of the rest, in fives, at most half
 * of them: MSER-5.
 */
export function warmUpEnd(values: ArrayLike<number>): number {
  const means = neighbourMeans(values, 5);
  const most = Math.floor(means.length / 2);
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  let mean = 0;
  let squares = 0;
  for (let d = means.length - 1; d >= 0; d--) {
    const kept = means.length - d;
    const off = (means[d] as number) - mean;
    mean += off / kept;
    squares += off * ((means[d] as number) - mean);
    const error = squares / kept ** 2;
    if (d > most || error > least) continue;
    least = error;
    best = d;
  }
  return 5 * best;
}

/**
 * Where, up to `most`, the ranks of the values before are farthest from those after, in fives; and by how many deviations,
 * which dependence widens.
 */
function largestShift(values: Float64Array, most: number): { first: number; score: number } {
  const n = values.length;
  const ranks = ranksOf(values);
  const rest = ranks.subarray(most);
  const dependence = rest.length / independentCount(rest);
  let largest = { first: 0, score: 0 };
  let sum = 0;
  for (let first = 1; first <= most; first++) {
    sum += ranks[first - 1] as number;
    if (first % 5 !== 0) continue;
    const variance = (first * (n - first) * (n + 1) * dependence) / 12;
    const score = (sum - (first * (n + 1)) / 2) / Math.sqrt(variance);
    if (Math.abs(score) > Math.abs(largest.score)) largest = { first, score };
  }
  return largest;
}

/** Mann and Kendall's statistic in deviations; above 0 where values grow. */
export function trendScore(all: Float64Array): number {
  const values = neighbourMeans(all, Math.ceil(all.length / MOST_FOR_TREND));
  const n = values.length;
  let sum = 0;
  const slopes = new Float64Array((n * (n - 1)) / 2);
  let pair = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const rise = (values[j] as number) - (values[i] as number);
      sum += Math.sign(rise);
      slopes[pair++] = rise / (j - i);
    }
  }
  const slope = slopes.sort()[slopes.length >> 1] ?? 0;
  const dependence = n / independentCount(ranksOf(values.map((value, i) => value - slope * i)));
  const variance = ((n * (n - 1) * (2 * n + 5)) / 18) * dependence;
  return (sum - Math.sign(sum)) / Math.sqrt(variance);
}

/** Means of so many neighbours; those at the end that are fewer are left out. */
function neighbourMeans(values: ArrayLike<number>, size: number): Float64Array {
  return Float64Array.from({ length: Math.floor(values.length / size) }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < size; k++) sum += values[size * i + k] as number;
    return sum / size;
  });
}

/** Rank of each value, 1 the smallest; equal ones share theirs. */
function ranksOf(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values.keys()).sort((a, b) => (values[a] as number) - (values[b] as number));
  const ranks = new Float64Array(values.length);
  for (let i = 0; i < order.length; ) {
    let end = i + 1;
    while (end < order.length && values[order[end] as number] === values[order[i] as number]) end++;
    for (let k = i; k < end; k++) ranks[order[k] as number] = (i + end + 1) / 2;
    i = end;
  }
  return ranks;
}
