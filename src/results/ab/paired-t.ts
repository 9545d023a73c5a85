import { noncentralTCdf, tCdf, tQuantile } from "../probability.ts";
import { type Interval, LEVEL, meanInterval, moments } from "../statistics.ts";

/** Chance with which a difference is to be found where a run is said to have been able to see it. */
const POWER = 0.8;

/** What is closer to 0 than this is none: what is left of the same number computed twice. */
const NOTHING = 1e-9;

export interface PairedT {
  /** Mean of the differences. */
  readonly mean: number;
  /** Standard deviation of the differences, of n − 1. */
  readonly deviation: number;
  /** Of the mean, two-sided, at LEVEL. */
  readonly interval: Interval;
  /** Two-sided. 1 where no pair differs; 0 where all differ by exactly as much. */
  readonly p: number;
}

/** Student's t of the differences of pairs (Student, Biometrika 6 (1908) 1); at least two. */
export function pairedT(differences: readonly number[]): PairedT {
  const n = differences.length;
  const { mean, deviation } = moments(differences);
  const p =
    Math.abs(mean) < NOTHING
      ? 1
      : deviation === 0
        ? 0
        : 2 * tCdf((-Math.abs(mean) * Math.sqrt(n)) / deviation, n - 1);
  return { mean, deviation, interval: meanInterval(mean, deviation, n) ?? [mean, mean], p };
}

const noncentralities = new Map<string, number>();

/**
 * Noncentrality at which the two-sided t test at `alpha` finds something with chance POWER (Cohen, Statistical Power
 * Analysis, 2nd ed., ch. 2; exact, by the noncentral t). The smallest mean difference that n pairs of standard deviation
 * s can show is this times s / √n.
 */
export function detectableNoncentrality(df: number, alpha: number): number {
  const key = `${df} ${alpha}`;
  const known = noncentralities.get(key);
  if (known !== undefined) return known;
  const critical = tQuantile(1 - alpha / 2, df);
  const power = (shift: number) =>
    1 - noncentralTCdf(critical, df, shift) + noncentralTCdf(-critical, df, shift);
  let low = 0;
  let high = 1;
  while (high < 37 && power(high) < POWER) high *= 1.5;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (power(middle) < POWER) low = middle;
    else high = middle;
  }
  noncentralities.set(key, high);
  return high;
}

/** The smallest mean difference that a paired t test of these pairs finds at `alpha` with chance POWER. */
export function smallestSeen(deviation: number, n: number, alpha: number): number {
  return (detectableNoncentrality(n - 1, alpha) * deviation) / Math.sqrt(n);
}

/** Chance of any false finding that all comparisons of a run have together. */
export const ALPHA = 1 - LEVEL;

/**
 * P values of a family, each corrected for being one of so many: below ALPHA together they are wrong at most once in
 * 1 / ALPHA families, however they depend on each other (Holm, Scandinavian Journal of Statistics 6 (1979) 65).
 */
export function holm(values: readonly number[]): number[] {
  const order = values.map((p, index) => ({ p, index })).sort((x, y) => x.p - y.p);
  const corrected = values.map(() => 1);
  let largest = 0;
  for (const [rank, { p, index }] of order.entries()) {
    largest = Math.max(largest, Math.min(1, p * (values.length - rank)));
    corrected[index] = largest;
  }
  return corrected;
}
