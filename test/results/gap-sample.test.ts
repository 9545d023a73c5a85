import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { autocorrelation } from "../../src/results/correlation.ts";
import { GapSample } from "../../src/results/gap-sample.ts";
import type { LatencySummary } from "../../src/results/schema/metrics.ts";
import { PERCENTILES, quantile } from "../../src/results/statistics.ts";
import { normalFrom, randomFrom } from "./records.ts";

/** Gaps of requests; the first read of each is no gap. */
function sampleOf(requests: readonly (readonly number[])[]): GapSample {
  const sample = new GapSample();
  for (const gaps of requests) sample.addRequest([0, ...gaps]);
  return sample;
}

/** The same; of numbers, the same but for rounding. */
function isAlike(a: unknown, b: unknown): boolean {
  if (typeof a !== "number" || typeof b !== "number") return isDeepStrictEqual(a, b);
  return Math.abs(a - b) <= 5e-7 * Math.abs(b);
}

const gapsUs = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.integer({ min: 200, max: 60_000 }),
  fc.integer({ min: 250_000, max: 300_000 }),
  fc.integer({ min: 0, max: 2 ** 32 + 5 }),
);
const requestsOfGaps = fc.array(fc.array(gapsUs, { minLength: 1, maxLength: 80, size: "max" }), {
  minLength: 1,
  maxLength: 40,
  size: "max",
});

function withoutIntervals({
  intervals: _intervals,
  ...rest
}: LatencySummary): Omit<LatencySummary, "intervals"> {
  return rest;
}

describe("pooled gaps", () => {
  it("have the exact percentiles, mean, lowest and highest of all gaps", () => {
    fc.assert(
      fc.property(requestsOfGaps, (requests) => {
        const all = requests.flat().sort((a, b) => a - b);
        const summary = sampleOf(requests).summarise(1);
        expect(summary.count).toBe(all.length);
        expect(summary.min).toBe((all[0] as number) / 1000);
        expect(summary.max).toBe((all.at(-1) as number) / 1000);
        const mean = all.reduce((sum, gap) => sum + gap, 0) / all.length / 1000;
        expect(Math.abs((summary.mean as number) - mean)).toBeLessThanOrEqual(1e-9 * mean + 1e-9);
        for (const [name, p] of PERCENTILES) {
          const exact = quantile(all, p) / 1000;
          expect(summary[name] ?? exact).toBeCloseTo(exact, 9);
        }
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it("leave out the first read and requests of one read", () => {
    const sample = new GapSample();
    sample.addRequest([0]);
    sample.addRequest([]);
    sample.addRequest([0, 10_000, 20_000]);
    const summary = sample.summarise(1);
    expect(summary).toMatchObject({ count: 2, mean: 15, min: 10, max: 20 });
  });

  it("need 11 requests for a percentile, however many gaps there are", () => {
    const random = randomFrom(1);
    const gaps = (): number[] => Array.from({ length: 500 }, () => 9000 + Math.floor(2000 * random()));
    const ten = sampleOf(Array.from({ length: 10 }, gaps)).summarise(1);
    expect(ten).toMatchObject({ count: 5000, p50: null, p99: null, intervals: {} });
    const eleven = sampleOf(Array.from({ length: 11 }, gaps)).summarise(1);
    expect(eleven.p99).not.toBeNull();
    expect(eleven.intervals.mean).toBeDefined();
  });

  it("need as many independent gaps as any percentile does", () => {
    const random = randomFrom(2);
    // 11 requests of 6 gaps: 66 are enough for p90 (64), not for p95 (130).
    const requests = Array.from({ length: 11 }, () =>
      Array.from({ length: 6 }, () => Math.floor(1e4 * random())),
    );
    const summary = sampleOf(requests).summarise(1);
    expect(summary.effectiveCount).toBe(66);
    expect(summary.p90).not.toBeNull();
    expect(summary.p95).toBeNull();
    expect(summary.intervals.p95).toBeUndefined();
  });

  it("count for fewer where gaps that follow each other are alike, by pairs within requests only", () => {
    const requests = [
      [10, 20, 30],
      [40, 50],
    ].map((gaps) => gaps.map((gap) => gap * 1000));
    // Mean 30; products of neighbours (−20)(−10) + (−10)(0) + (10)(20) = 400; squares 1000: ρ = 0.4.
    expect(sampleOf(requests).summarise(1).effectiveCount).toBeCloseTo((5 * 0.6) / 1.4, 9);
    expect(autocorrelation([10, 20, 30, 40, 50], 1, new Set([3]))).toBeCloseTo(0.4, 12);
  });

  it("are the same pooled at once or merged from measurements", () => {
    fc.assert(
      fc.property(fc.array(requestsOfGaps, { minLength: 1, maxLength: 4 }), (measurements) => {
        const merged = GapSample.merge(measurements.map(sampleOf)).summarise(7);
        const pooled = sampleOf(measurements.flat()).summarise(7);
        const others = Object.entries(withoutIntervals(pooled)).filter(
          ([key, value]) => !isAlike(merged[key as keyof LatencySummary], value),
        );
        expect(others).toEqual([]);
        // One request is still the unit that is resampled.
        expect(Object.keys(merged.intervals)).toEqual(Object.keys(pooled.intervals));
      }),
      { seed: 2, numRuns: 25 },
    );
  });

  it("give intervals that hold the estimate, lie within lowest and highest, and are the same for the same seed", () => {
    fc.assert(
      fc.property(requestsOfGaps, fc.integer(), (requests, seed) => {
        const summary = sampleOf(requests).summarise(seed);
        for (const [name, interval] of Object.entries(summary.intervals)) {
          const value = summary[name as "p50"] as number;
          if (interval === undefined) throw new Error(`${name} has no interval`);
          expect(interval[0]).toBeLessThanOrEqual(value);
          expect(interval[1]).toBeGreaterThanOrEqual(value);
          expect(interval[0]).toBeGreaterThanOrEqual(summary.min as number);
          expect(interval[1]).toBeLessThanOrEqual(summary.max as number);
        }
        expect(sampleOf(requests).summarise(seed)).toEqual(summary);
      }),
      { seed: 3, numRuns: 25 },
    );
  });

  it("have an interval of no width where all gaps are the same", () => {
    const summary = sampleOf(
      Array.from({ length: 12 }, () => Array.from({ length: 20 }, () => 12_345)),
    ).summarise(1);
    expect(summary).toMatchObject({ mean: 12.345, p50: 12.345, intervals: { p50: [12.345, 12.345] } });
    expect(summary.effectiveCount).toBe(240);
  });

  it("stay exact in the estimates when requests are merged into blocks to bound memory", () => {
    const random = randomFrom(5);
    const requests = Array.from({ length: 10_000 }, () =>
      Array.from({ length: 3 }, () => 5000 + Math.floor(3000 * random())),
    );
    const summary = sampleOf(requests).summarise(1);
    const all = requests.flat().sort((a, b) => a - b);
    expect(summary.count).toBe(30_000);
    expect(summary.p99).toBeCloseTo(quantile(all, 0.99) / 1000, 9);
    const [low, high] = summary.intervals.p50 as [number, number];
    // About 0.05 ms wide by theory, and no wider than a bin (0.8 %) at each end beyond that.
    expect(high - low).toBeLessThan(0.2);
  });
});

describe("coverage of resampling by request", () => {
  /** Gaps of one request share its own speed: what makes them dependent. True mean and median of all: 20 ms. */
  function requestsFrom(run: number, count: number): number[][] {
    const next = normalFrom(run * 31 + 7);
    return Array.from({ length: count }, () => {
      const speed = 20_000 + 2000 * next();
      return Array.from({ length: 15 }, () => Math.round(speed + 1000 * next()));
    });
  }

  it("is near 95 % where gaps taken for independent would hold far less", () => {
    const runs = 500;
    let mean = 0;
    let median = 0;
    let naive = 0;
    for (let run = 0; run < runs; run++) {
      const requests = requestsFrom(run, 15);
      const summary = sampleOf(requests).summarise(run);
      const [low, high] = summary.intervals.mean as [number, number];
      if (low <= 20 && high >= 20) mean++;
      const p50 = summary.intervals.p50;
      if (p50 === undefined || (p50[0] <= 20 && p50[1] >= 20)) median++;
      const all = requests.flat();
      const centre = all.reduce((sum, gap) => sum + gap, 0) / all.length;
      const deviation = Math.sqrt(all.reduce((sum, gap) => sum + (gap - centre) ** 2, 0) / all.length);
      if (Math.abs(centre - 20_000) <= (1.96 * deviation) / Math.sqrt(all.length)) naive++;
    }
    // Two standard deviations of a share of 0.95 in so many runs.
    expect(mean / runs).toBeGreaterThanOrEqual(0.93);
    expect(median / runs).toBeGreaterThanOrEqual(0.93);
    expect(naive / runs).toBeLessThan(0.6);
  });
});
