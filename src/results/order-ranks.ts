import { logGamma } from "./probability.ts";

const found = new Map<string, readonly [number, number] | undefined>();

/**
 * Ranks (1 first) of two order statistics that hold the p-quantile of n independent samples between them with at least
 * `level`, whatever the distribution (David and Nagaraja, Order Statistics, 3rd ed., 7.1). Of all such pairs the one
 * whose distance is smallest in the mean where samples are exponential: latencies have a long upper tail, and the pair
 * must not depend on the sample. Undefined where the sample is too small for any pair.
 */
export function orderRanks(n: number, p: number, level: number): readonly [number, number] | undefined {
  const key = `${n} ${p} ${level}`;
  if (!found.has(key)) found.set(key, search(n, p, level));
  return found.get(key);
}

function search(n: number, p: number, level: number): readonly [number, number] | undefined {
  // The number of samples below the quantile is binomial; what lies ten deviations off does not count.
  const reach = 10 * Math.sqrt(n * p * (1 - p)) + 10;
  const first = Math.max(1, Math.floor(n * p - reach));
  const last = Math.min(n, Math.ceil(n * p + reach));
  const chance = (k: number) =>
    Math.exp(
      logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1) + k * Math.log(p) + (n - k) * Math.log1p(-p),
    );
  let best: readonly [number, number] | undefined;
  let narrowest = Number.POSITIVE_INFINITY;
  // A window over the ranks: [lower, upper) is what lies below the quantile with chance `held`.
  let upper = first;
  let held = 0;
  let width = 0;
  for (let lower = first; lower < last; lower++) {
    while (upper < last && held < level) {
      held += chance(upper);
      // The mean distance of neighbours among n exponential samples.
      width += 1 / (n - upper);
      upper++;
    }
    if (held < level) break;
    if (width < narrowest) {
      narrowest = width;
      best = [lower, upper];
    }
    held -= chance(lower);
    width -= 1 / (n - lower);
  }
  return best;
}
