import { describe, expect, it } from "vitest";
import { computeMetrics } from "../../src/results/metrics.ts";
import { tQuantile } from "../../src/results/probability.ts";
import { readSample } from "../../src/results/sample.ts";
import { closed, request } from "./records.ts";

/** One measurement of 40 requests at concurrency 1, of this TTFT and a little more or less; a token each 10 ms after. */
function measurement(ttft: number) {
  const records = Array.from({ length: 40 }, (_, i) => {
    const sent = 100 * i;
    const first = sent + ttft + (i % 5) / 10;
    return request({ sent, reads: [first, first + 10, first + 20] }, i);
  });
  return readSample(() => records, closed(1, 3), false);
}

const metricsOf = async (ttfts: readonly number[]) =>
  computeMetrics(await Promise.all(ttfts.map(measurement)), { ttftMs: 25 }, 1);

describe("The interval of several repetitions", () => {
  it("is at least t over the means of each", async () => {
    const { ttftMs } = await metricsOf([10, 20, 30]);
    // Means 10.2, 20.2 and 30.2: deviation 10.
    const half = (tQuantile(0.975, 2) * 10) / Math.sqrt(3);
    expect(ttftMs.mean).toBeCloseTo(20.2, 6);
    expect(ttftMs.intervals.mean?.[1]).toBeCloseTo(20.2 + half, 6);
    // A latency is never negative.
    expect(ttftMs.intervals.mean?.[0]).toBe(0);
    expect(ttftMs.method).toContain("at least t over those of each");
  });

  it("is that of the requests where repetitions are the same", async () => {
    const { ttftMs, tpotMs } = await metricsOf([10, 10]);
    expect(ttftMs.intervals.mean?.[0]).toBeGreaterThan(10.1);
    expect(ttftMs.intervals.mean?.[1]).toBeLessThan(10.3);
    expect(tpotMs.intervals.mean).toEqual([10, 10]);
  });

  it("is widened for percentiles, gaps, throughput and goodput alike", async () => {
    const same = await metricsOf([10, 10, 10]);
    const apart = await metricsOf([10, 12, 60]);
    const width = (interval: readonly [number, number] | null | undefined) =>
      (interval?.[1] ?? Number.NaN) - (interval?.[0] ?? Number.NaN);
    expect(width(apart.e2eMs.intervals.p50 ?? apart.e2eMs.intervals.mean)).toBeGreaterThan(50);
    expect(width(apart.goodput?.interval)).toBeGreaterThan(3 * width(same.goodput?.interval));
    expect(apart.goodput?.interval?.[1]).toBe(1);
    expect(width(apart.interChunkMs.intervals.mean)).toBeCloseTo(0, 6);
    expect(width(same.ttftMs.intervals.p50)).toBeLessThan(0.5);
  });

  it("of one measurement is as it was", async () => {
    const { ttftMs, goodput } = await metricsOf([10]);
    expect(ttftMs.method).not.toContain("several");
    expect(goodput?.interval?.[1]).toBe(1);
    expect(goodput?.interval?.[0]).toBeLessThan(1);
  });
});
