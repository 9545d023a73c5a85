import type { Estimate } from "./estimates.ts";
import type { Entry } from "./groups.ts";

/** The rule by which `llmbench bench` ends its own sweep. */
const LEAST_GROWTH = 0.05;

/**
 * The concurrency from which the next one adds less than 5 % throughput; undefined when throughput grows to the end
 * of the sweep. `throughput` gives the value of an entry.
 */
export function findKnee(
  entries: readonly Entry[],
  throughput: (entry: Entry) => Estimate | null,
): number | undefined {
  const steps = entries
    .flatMap((entry) => {
      const value = throughput(entry)?.value;
      const { concurrency } = entry.point.load;
      return value === undefined || concurrency === undefined ? [] : [{ concurrency, value }];
    })
    .sort((a, b) => a.concurrency - b.concurrency);
  return steps.find((step, i) => {
    const next = steps[i + 1];
    return next !== undefined && next.value < step.value * (1 + LEAST_GROWTH);
  })?.concurrency;
}
