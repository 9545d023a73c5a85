import { describe, expect, it } from "vitest";
import type { MeasurementSummary } from "../../src/results/schema/summary.ts";
import { searchPoints } from "../../steps/sweep/auto-sweep.ts";

interface Seen {
  readonly tokens?: number;
  readonly answers: number;
  readonly failed?: number;
}

/** Concurrencies that are measured where each has what `seen` says of it. */
async function swept(seen: (concurrency: number) => Seen, maxConcurrency = 64): Promise<number[]> {
  const measured: number[] = [];
  await searchPoints({ outputTokens: [8], inputTokens: [], maxConcurrency }, async ({ load }) => {
    const concurrency = load.concurrency ?? 0;
    measured.push(concurrency);
    const { tokens, answers, failed = 0 } = seen(concurrency);
    const rate = (value: number | undefined) => (value === undefined ? null : { value, interval: null });
    return {
      requests: { failed, timedOut: 0 },
      metrics: {
        outputTokensPerSecond: rate(tokens),
        outputTokensPerSecondFullRun: null,
        requestsPerSecond: rate(answers),
      },
    } as unknown as MeasurementSummary;
  });
  return measured;
}

describe("a sweep that looks for its points", () => {
  it("doubles until throughput is flat", async () => {
    expect(await swept((c) => ({ tokens: Math.min(c, 4) * 10, answers: 1 }))).toEqual([1, 2, 4, 8]);
  });

  it("ends where a request fails, and at the most", async () => {
    expect(await swept((c) => ({ tokens: c, answers: c, failed: c === 4 ? 1 : 0 }))).toEqual([1, 2, 4]);
    expect(await swept((c) => ({ tokens: c, answers: c }), 8)).toEqual([1, 2, 4, 8]);
  });

  it("goes by answers where the server counts no tokens", async () => {
    expect(await swept((c) => ({ answers: Math.min(c, 2) }))).toEqual([1, 2, 4]);
    expect(await swept(() => ({ answers: 0 }))).toEqual([1]);
  });
});
