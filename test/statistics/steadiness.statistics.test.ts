import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/load/random.ts";
import { findUnsteady } from "../../src/results/steadiness.ts";
import { type Distribution, distributions, draw } from "./distributions.ts";

/** Seeded measurements of each cell, of two latencies each. */
const RUNS = 5000;

/** Share of the measurements in which either latency raises a finding; `change` is laid over the first of them. */
function found(distribution: Distribution, n: number, change: (i: number) => number, runs = RUNS) {
  const random = createRandom(n, `steady ${distribution.name}`);
  const kinds = { "warm-up": 0, drift: 0 };
  for (let run = 0; run < runs; run++) {
    const first = draw(distribution, random, n).map((value, i) => value * change(i));
    const findings = [first, draw(distribution, random, n)].flatMap((values) => findUnsteady(values) ?? []);
    for (const kind of new Set(findings.map((finding) => finding.kind))) kinds[kind]++;
  }
  return { warmUp: kinds["warm-up"] / runs, drift: kinds.drift / runs };
}

const words = (share: number) => `${(share * 100).toFixed(2)} %`;

describe.each(distributions)("Of $name latencies", (distribution) => {
  it.each([100, 200, 1000])(
    "that stay the same, %i raise an alarm in at most 1 %% of the measurements",
    (n) => {
      const { warmUp, drift } = found(distribution, n, () => 1);
      process.stdout.write(
        `steady ${distribution.name} ${n}: warm-up ${words(warmUp)}, drift ${words(drift)}\n`,
      );
      expect(warmUp + drift).toBeLessThanOrEqual(0.01);
    },
  );

  it("a first tenth that is twice as slow, and a rise by half, are found as what they are", () => {
    const warm = found(distribution, 500, (i) => (i < 50 ? 2 : 1), 1000);
    const rise = found(distribution, 500, (i) => 1 + (0.5 * i) / 500, 1000);
    process.stdout.write(
      `unsteady ${distribution.name} 500: warm-up ${words(warm.warmUp)} (as drift ${words(warm.drift)}), rise ${words(rise.drift)} (as warm-up ${words(rise.warmUp)})\n`,
    );
    // The spread of lognormal values, 1.3 times their mean, hides both of 500 requests (docs/metrics.md says so too).
    if (distribution.name === "lognormal") return;
    expect(warm.warmUp).toBeGreaterThan(0.9);
    expect(rise.drift).toBeGreaterThan(0.8);
  });
});
