import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/load/random.ts";
import { PrecisionRule } from "../../src/results/precision.ts";
import { summariseLatency } from "../../src/results/statistics.ts";
import { request } from "../results/records.ts";
import { type Distribution, distributions } from "./distributions.ts";

/** Seeded runs of each cell. */
const RUNS = 5000;

/** Precisions asked for, from one that is reached at once to one that takes thousands of requests. */
const asked: Readonly<Record<Distribution["name"], readonly number[]>> = {
  normal: [0.05, 0.03, 0.02, 0.01],
  lognormal: [0.2, 0.1, 0.05],
  "AR(1)": [0.05, 0.03, 0.02, 0.01],
};

/** Too few samples to see that they depend on each other (docs/metrics.md says so too). */
const refused = new Set(["AR(1) 5 %"]);

/** One load whose TTFT is drawn, and whose answers take no time after that. */
function runUntilPrecise(distribution: Distribution, precision: number, run: number) {
  const next = distribution.series(createRandom(run, `${distribution.name} until ${precision}`));
  const rule = new PrecisionRule({ arrival: "closed", concurrency: 1, precision }, false);
  const values: number[] = [];
  for (;;) {
    // In microseconds a value keeps five digits.
    const ms = next() * 100;
    values.push(ms);
    const i = values.length - 1;
    if (rule.saw(request({ sent: 0, reads: [ms], tokens: { output: 1 } }, i)) || i > 100_000) break;
  }
  const { intervals } = summariseLatency(Float64Array.from(values));
  return { count: values.length, interval: intervals.mean as [number, number] };
}

describe.each(distributions)("A load of $name latencies that ends when it is precise", (distribution) => {
  it.each(asked[distribution.name])(
    "(± %d) has an interval that holds the mean as often as it says",
    (precision) => {
      const counts: number[] = [];
      let held = 0;
      for (let run = 0; run < RUNS; run++) {
        const { count, interval } = runUntilPrecise(distribution, precision, run);
        counts.push(count);
        const truth = distribution.mean * 100;
        if (interval[0] <= truth && truth <= interval[1]) held++;
      }
      counts.sort((a, b) => a - b);
      const covered = held / RUNS;
      const cell = `${distribution.name} ${precision * 100} %`;
      process.stdout.write(
        `until ${cell}: ${(covered * 100).toFixed(1)} % covered, ${counts[0]} to ${counts[RUNS - 1]} requests, median ${counts[RUNS / 2]}\n`,
      );
      expect(counts[0]).toBeGreaterThanOrEqual(30);
      if (refused.has(cell)) return;
      expect(covered).toBeGreaterThanOrEqual(0.93);
      expect(covered).toBeLessThanOrEqual(0.97);
    },
  );
});
