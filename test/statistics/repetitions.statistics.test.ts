import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/load/random.ts";
import { widenLatency } from "../../src/results/repetitions.ts";
import { summariseLatency } from "../../src/results/statistics.ts";
import { distributions, draw, normal } from "./distributions.ts";

/** Seeded points of each cell. */
const RUNS = 5000;
/** Requests of each repetition. */
const REQUESTS = 100;

describe.each(distributions)("The mean of $name latencies over several repetitions", (distribution) => {
  // How far a repetition is off, as a share of the mean: nothing, as much as chance moves its own mean, and far more.
  const effects = [0, distribution.name === "lognormal" ? 0.13 : 0.02, 0.3];
  const cells = [2, 3, 5, 10].flatMap((repetitions) => effects.map((effect) => ({ repetitions, effect })));
  it.each(cells)("is held ($repetitions repetitions that are off by $effect)", ({ repetitions, effect }) => {
    const random = createRandom(repetitions, `${distribution.name} off by ${effect}`);
    let held = 0;
    let pooled = 0;
    for (let run = 0; run < RUNS; run++) {
      const values = new Float64Array(repetitions * REQUESTS);
      const starts = new Set<number>();
      for (let k = 0; k < repetitions; k++) {
        const factor = 1 + effect * normal(random);
        starts.add(k * REQUESTS);
        values.set(
          draw(distribution, random, REQUESTS).map((value) => value * factor),
          k * REQUESTS,
        );
      }
      const requests = summariseLatency(values, starts);
      const [low, high] = widenLatency(requests, values, starts).intervals.mean as [number, number];
      if (low <= distribution.mean && distribution.mean <= high) held++;
      const [from, to] = requests.intervals.mean ?? [Number.NaN, Number.NaN];
      if (from <= distribution.mean && distribution.mean <= to) pooled++;
    }
    process.stdout.write(
      `repetitions ${distribution.name} ${repetitions} off by ${effect}: ${((held / RUNS) * 100).toFixed(1)} % covered, by requests alone ${((pooled / RUNS) * 100).toFixed(1)} %\n`,
    );
    expect(held / RUNS).toBeGreaterThanOrEqual(0.93);
    // Where repetitions hardly differ, two intervals of which the wider counts hold more than either.
    expect(held / RUNS).toBeLessThanOrEqual(effect === 0.3 ? 0.97 : 1);
  });
});
