/**
 * How many independent samples a series counts for. Requests that follow each other share a server and its queue, so
 * their latencies depend on each other, and n of them say less than n independent ones would.
 */

/** One-sided 0.5 % point of the standard normal: independent series are held for dependent once in 200 times. */
const SIGNIFICANT = 2.5758293035489;

/** Lags beyond this are not summed: a series that drifts depends on itself over its whole length. */
const MAX_LAG = 500;

/** Independent samples that n samples with lag-1 autocorrelation ρ count for: n (1 − ρ) / (1 + ρ) where ρ > 0.1. */
export function effectiveCount(n: number, rho: number): number {
  return rho > 0.1 ? (n * (1 - rho)) / (1 + rho) : n;
}

/**
 * Autocorrelation of values in time order at `lag`; pairs that straddle the start of a series are left out. 0 where the
 * values do not vary.
 */
export function autocorrelation(
  values: ArrayLike<number>,
  lag: number,
  starts: ReadonlySet<number> = new Set(),
): number {
  const n = values.length;
  if (n < lag + 2) return 0;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += ((values[i] as number) - mean) / (i + 1);
  let pairs = 0;
  let squares = 0;
  let start = 0;
  for (let i = 0; i < n; i++) {
    if (starts.has(i)) start = i;
    const here = (values[i] as number) - mean;
    squares += here * here;
    if (i - lag >= start) pairs += here * ((values[i - lag] as number) - mean);
  }
  return squares <= n * (1e-12 * mean) ** 2 ? 0 : pairs / squares;
}

/** Whether values depend on those before them: lag-1 autocorrelation beyond what independent ones show (Bartlett, 1946). */
export function dependsOnBefore(values: ArrayLike<number>, starts?: ReadonlySet<number>): boolean {
  return autocorrelation(values, 1, starts) > SIGNIFICANT / Math.sqrt(values.length);
}

/**
 * Independent samples that a dependent series counts for: n / (1 + 2 Σ ρ_k), summed by the initial positive sequence
 * (Geyer, Statistical Science 7 (1992) 473, section 3.3): pairs of neighbouring lags as long as their sum is positive.
 */
export function independentCount(values: ArrayLike<number>, starts?: ReadonlySet<number>): number {
  const n = values.length;
  let sum = 0;
  for (let lag = 0; lag + 1 < Math.min(n / 2, MAX_LAG); lag += 2) {
    const pair = autocorrelation(values, lag, starts) + autocorrelation(values, lag + 1, starts);
    if (pair <= 0) break;
    sum += pair;
  }
  return Math.min(n, n / Math.max(1, 2 * sum - 1));
}
