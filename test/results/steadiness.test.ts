import { describe, expect, it, onTestFinished } from "vitest";
import { createRandom } from "../../src/load/random.ts";
import { judgeSteadiness } from "../../src/results/judge-steadiness.ts";
import { observe } from "../../src/results/observations.ts";
import { readSample } from "../../src/results/sample.ts";
import { findUnsteady, trendScore, warmUpEnd } from "../../src/results/steadiness.ts";
import type { Behaviour } from "../../src/simulator/options.ts";
import { startSimulator } from "../../src/simulator/server.ts";
import { runAgainst } from "../load/simulated-run.ts";

function series(n: number, of: (i: number) => number): Float64Array {
  const random = createRandom(7, "steadiness");
  return Float64Array.from({ length: n }, (_, i) => of(i) * (0.9 + 0.2 * random.next()));
}

describe("Latencies in sending order", () => {
  it("that stay the same are steady, also where they do not vary at all", () => {
    expect(findUnsteady(series(500, () => 100))).toBeUndefined();
    expect(findUnsteady(new Float64Array(500).fill(5))).toBeUndefined();
    expect(findUnsteady(new Float64Array(0))).toBeUndefined();
  });

  it("with a warm-up are told where it ends, and by how much it moved the mean", () => {
    const found = findUnsteady(series(200, (i) => (i < 20 ? 200 : 100)));
    expect(found).toMatchObject({ kind: "warm-up", first: 20 });
    expect(found?.change).toBeCloseTo(1, 1);
    expect(found?.bias).toBeCloseTo(0.1, 1);
  });

  it("that are 0 for long, as a client reads that is late, have no share that could be told", () => {
    expect(findUnsteady(Float64Array.from({ length: 300 }, (_, i) => Math.max(0, i - 100)))).toBeUndefined();
    expect(findUnsteady(Float64Array.from({ length: 300 }, (_, i) => (i < 30 ? 50 : 0)))).toBeUndefined();
  });

  it("that fall or rise all the time drift", () => {
    const found = findUnsteady(series(300, (i) => 100 + i / 3));
    expect(found).toMatchObject({ kind: "drift", first: 100 });
    // Means of 116.5 and 183.2.
    expect(found?.change).toBeCloseTo(183.2 / 116.5 - 1, 1);
    expect(findUnsteady(series(300, (i) => 200 - i / 3))?.change).toBeLessThan(-0.2);
  });

  it("are not told of a change that no reader needs, nor looked at where they are few", () => {
    expect(findUnsteady(series(50_000, (i) => 100 + i / 25_000))).toBeUndefined();
    expect(findUnsteady(series(2000, (i) => (i < 5 ? 200 : 100)))).toBeUndefined();
    expect(findUnsteady(series(99, (i) => (i < 10 ? 200 : 100)))).toBeUndefined();
  });

  it("are cut by MSER-5 where the standard error of the rest is smallest", () => {
    // By the definition, each cut summed anew.
    const values = series(203, (i) => (i < 33 ? 150 - i : 100));
    const means = Array.from(
      { length: 40 },
      (_, k) => values.slice(5 * k, 5 * k + 5).reduce((a, b) => a + b, 0) / 5,
    );
    const errors = means.slice(0, 21).map((_, d) => {
      const rest = means.slice(d);
      const mean = rest.reduce((a, b) => a + b, 0) / rest.length;
      return rest.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rest.length ** 2;
    });
    expect(warmUpEnd(values)).toBe(5 * errors.indexOf(Math.min(...errors)));
  });

  it("have the trend score of Mann and Kendall", () => {
    // S = 9 − 1 = 8 of 10 pairs, var = 5 × 4 × 15 / 18; five values show no dependence.
    expect(trendScore(Float64Array.of(1, 3, 2, 5, 8))).toBeCloseTo(7 / Math.sqrt(300 / 18), 10);
  });
});

describe("A server over HTTP", () => {
  const profile = {
    loadMs: 0,
    prefillMs: 15,
    prefillMsPerToken: 0,
    decodeMs: 1,
    decodeMsPerSequence: 0,
    maxBatch: 8,
    jitter: 0.1,
  };

  async function reasonsOf(behaviour: Behaviour) {
    const simulator = await startSimulator({ dialect: "vllm", profile, behaviour });
    onTestFinished(() => simulator.close());
    const load = { arrival: "closed", concurrency: 4, requests: 204, outputTokens: 2 } as const;
    const { records } = await runAgainst(simulator.url, load, "completions");
    return judgeSteadiness(observe(await readSample(() => records, load, false)).unsteady);
  }

  it("whose first 30 answers come late is told that its warm-up was not over", async () => {
    const late = { when: { to: 29 }, effects: { slowHeadersMs: 120 } };
    const reasons = await reasonsOf({ rules: [late] });
    const [reason] = reasons.filter(({ code }) => code === "warm-up-not-over");
    expect(reason?.status).toBe("suspect");
    expect(reason?.text).toMatch(
      /^The first (25|30|35) of \d+ requests had a mean TTFT \d+ % above the rest/,
    );
  });

  it("that grows slower with each answer is told that it drifts", async () => {
    const slower = Array.from({ length: 20 }, (_, k) => ({
      when: { from: 10 * (k + 1) },
      effects: { slowHeadersMs: 10 * (k + 1) },
    }));
    const reasons = await reasonsOf({ rules: slower });
    const [reason] = reasons.filter(({ code }) => code === "drift");
    expect(reason?.status).toBe("suspect");
    expect(reason?.text).toMatch(
      /^TTFT rose all the time: its mean in the last third of the \d+ requests is/,
    );
    expect(reason?.value).toBeGreaterThan(0.5);
  });
});
