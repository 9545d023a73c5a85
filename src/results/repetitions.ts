import { tQuantile } from "./probability.ts";
import type { LatencySummary, RateSummary } from "./schema/metrics.ts";
import {
  fromZero,
  type Interval,
  LEVEL,
  MIN_FOR_MEAN,
  moments,
  PERCENTILES,
  quantile,
} from "./statistics.ts";

/**
 * Repetitions differ by more than their requests do: another minute, another state of the server, another deployment. So a
 * statistic of several has at least the interval that t gives over each repetition's own (a random effect of the repetition:
 * Searle, Casella and McCulloch, Variance Components (1992), 3.2), laid around the statistic of all. A two-level bootstrap is
 * too narrow for the few repetitions that people measure (docs/metrics.md has both).
 */
function widen(value: number, interval: Interval | undefined, own: readonly number[]): Interval {
  const half = (tQuantile((1 + LEVEL) / 2, own.length - 1) * moments(own).deviation) / Math.sqrt(own.length);
  const [low, high] = interval ?? [value, value];
  return fromZero([Math.min(low, value - half), Math.max(high, value + half)]);
}

/** A latency over several measurements: `values` in sending order, `starts` the indices at which one begins. */
export function widenLatency(
  summary: LatencySummary,
  values: Float64Array,
  starts: ReadonlySet<number>,
): LatencySummary {
  const begins = [...starts].filter((start) => start < values.length).sort((a, b) => a - b);
  return widenByOwn(
    summary,
    begins
      .map((begin, k) => values.slice(begin, begins[k + 1]).sort())
      .map((sorted) => ({
        mean: moments(sorted).mean,
        at: (p) => quantile(sorted, p),
      })),
  );
}

/** What one measurement says by itself; `at` gives a quantile, null where it is not known. */
interface Own {
  readonly mean: number | null;
  readonly at: (p: number) => number | null;
}

/** The same where each measurement is summarised already. */
export function widenByOwn(summary: LatencySummary, own: readonly Own[]): LatencySummary {
  if (own.length < 2) return summary;
  const intervals = { ...summary.intervals };
  const one = (name: "mean" | "p50" | "p90" | "p95" | "p99", of: (each: Own) => number | null) => {
    const value = summary[name];
    const known = own.flatMap((each) => of(each) ?? []);
    if (value === null || known.length < own.length || summary.count < MIN_FOR_MEAN) return;
    intervals[name] = widen(value, intervals[name], known);
  };
  one("mean", ({ mean }) => mean);
  for (const [name, p] of PERCENTILES) one(name, ({ at }) => at(p));
  return {
    ...summary,
    intervals,
    method: `${summary.method}; several measurements: at least t over those of each`,
  };
}

/** A rate over several measurements, of which each has its own. */
export function widenRate(rate: RateSummary | null, own: readonly number[]): RateSummary | null {
  if (rate === null || rate.interval === null || own.length < 2) return rate;
  return { value: rate.value, interval: widen(rate.value, rate.interval, own) };
}

/** A share over several measurements. */
export function widenShare(
  share: number,
  interval: Interval | null,
  own: readonly number[],
): Interval | null {
  if (interval === null || own.length < 2) return interval;
  const [low, high] = widen(share, interval, own);
  return [low, Math.min(1, high)];
}
