import { describe, expect, it } from "vitest";
import type { LoadSetting } from "../../src/load/record.ts";
import { countRequests, type Observations, observe } from "../../src/results/observations.ts";
import { readSample } from "../../src/results/sample.ts";
import { closed, every, open, type RequestInWords, request } from "./records.ts";

async function observed(load: LoadSetting, requests: readonly RequestInWords[]): Promise<Observations> {
  const records = requests.map(request);
  return observe(await readSample(() => records, load, false));
}

describe("schedule lag", () => {
  it("is sent − scheduled of every request that was sent", async () => {
    const seen = await observed(closed(1), [
      { scheduled: 0, sent: 1, reads: [100] },
      { scheduled: 101, sent: 104, reads: [200] },
      { scheduled: 201, error: "refused" },
    ]);
    expect(seen.scheduleLagMs).toEqual({ p50: 2, p99: expect.closeTo(2.98, 9), max: 3 });
    expect(seen.clientLagMs?.p99).toBeCloseTo(2.98, 9);
    // Idle for 1 and 3 ms; an answer ends 1 ms after its last read, here at 101 and 201 ms.
    expect(seen.clientRateShortfall).toBeCloseTo(4 / 201, 9);
    expect(seen.rateShortfall).toBe(seen.clientRateShortfall);
  });

  it("is null where nothing was sent", async () => {
    const seen = await observed(closed(1), [{ scheduled: 0, error: "refused" }]);
    expect(seen).toMatchObject({ scheduleLagMs: null, clientLagMs: null, sendTtftMs: null });
  });

  it("is the client's own only after the cap on concurrency made room", async () => {
    // Cap 1, arrivals every 100 ms, answers of 250 ms: each waits for the one before, then leaves 2 ms later.
    let free = 0;
    const requests = every(100, 0, 10).map((scheduled): RequestInWords => {
      const sent = Math.max(scheduled, free) + 2;
      free = sent + 250;
      return { scheduled, sent, reads: [sent + 200, sent + 249], end: free };
    });
    const seen = await observed(open(10, 1), requests);
    expect(seen.heldBack).toBe(9);
    expect(seen.scheduleLagMs?.max).toBe(2 + 9 * 152);
    expect(seen.clientLagMs?.p99).toBe(2);
    // Sent over 9 × 252 ms where the schedule took 900 ms: the client itself kept to the schedule.
    expect(seen.rateShortfall).toBeCloseTo(1 - 900 / 2268, 9);
    expect(seen.clientRateShortfall).toBe(0);
  });

  it("is the client's own where there was room", async () => {
    const requests = every(100, 0, 10).map((scheduled, k) => ({
      scheduled,
      sent: scheduled + 10 * k,
      reads: [scheduled + 10 * k + 20],
    }));
    const seen = await observed(open(10, 5), requests);
    expect(seen.heldBack).toBe(0);
    expect(seen.rateShortfall).toBeCloseTo(1 - 900 / 990, 9);
    expect(seen.clientRateShortfall).toBeCloseTo(1 - 900 / 990, 9);
  });

  it("counts as held back what was never sent because of the cap", async () => {
    const seen = await observed(open(10, 1), [
      { scheduled: 0, sent: 0, reads: [900], end: 950 },
      { scheduled: 100, error: "cancelled", end: 1000 },
    ]);
    expect(seen.heldBack).toBe(1);
  });
});

describe("the offered rate", () => {
  it("means nothing for one request", async () => {
    const late = [0, 100].map((scheduled) => ({
      scheduled,
      sent: scheduled * 3,
      reads: [scheduled * 3 + 1],
    }));
    expect((await observed(open(10), late.slice(1))).rateShortfall).toBe(0);
    expect((await observed(open(10), late)).rateShortfall).toBeCloseTo(2 / 3, 9);
  });
});

describe("the work done", () => {
  it("is off target by the mean distance, whichever side it is on", async () => {
    const requests = [3, 4, 5].map((output, k) => ({
      sent: k * 100,
      reads: [k * 100 + 50],
      tokens: { output },
    }));
    expect((await observed(closed(1), requests)).outputOffTarget).toBeCloseTo((0.25 + 0 + 0.25) / 3, 9);
  });

  it("counts answers without usage and first chunks of unknown size", async () => {
    const seen = await observed(closed(1), [
      { sent: 0, reads: [10, 20], tokens: {} },
      { sent: 100, reads: [110, 120], tokens: { output: 3 } },
      // As many chunks as tokens: each is one.
      { sent: 150, reads: [160, 170], tokens: { output: 2 } },
      { sent: 200, reads: [210, 220], tokens: { output: 2, firstChunk: 1 } },
      // One token: it has no TPOT, so nothing was assumed.
      { sent: 300, reads: [310], tokens: { output: 1 } },
      { sent: 400, error: "http" },
    ]);
    expect(seen).toMatchObject({ answers: 5, withoutUsage: 1, firstChunkAssumed: 1 });
  });

  it("has what most of the failed requests failed of, time-outs and cancellations left out", async () => {
    const seen = await observed(closed(1), [
      { sent: 0, error: "http" },
      { sent: 100, error: "reset" },
      { sent: 200, error: "reset" },
      ...[300, 400, 500].map((sent) => ({ sent, error: "timeout" as const })),
      ...[600, 700, 800].map((sent) => ({ sent, error: "cancelled" as const })),
    ]);
    expect(seen.commonFailure).toBe("reset");
    expect((await observed(closed(1), [{ sent: 0, reads: [10] }])).commonFailure).toBeNull();
  });

  it("has the cached share of prompt tokens of answers that say it", async () => {
    const seen = await observed(closed(1), [
      { sent: 0, reads: [10], tokens: { prompt: 100, cached: 0, output: 1 } },
      { sent: 100, reads: [110], tokens: { prompt: 100, cached: 90, output: 1 } },
      { sent: 200, reads: [210], tokens: { prompt: 100, output: 1 } },
    ]);
    expect(seen.cachedShare).toBe(0.45);
    expect((await observed(closed(1), [{ sent: 0, reads: [10] }])).cachedShare).toBeNull();
  });
});

describe("requests counted by their end", () => {
  it("are each in one class", async () => {
    const kinds = [undefined, "http", "timeout", "cancelled", "reset", "stream", undefined] as const;
    const records = kinds.map((error, i) => request({ sent: i, ...(error === undefined ? {} : { error }) }));
    const { table } = await readSample(() => records, closed(1), false);
    expect(countRequests(table, 9)).toEqual({ planned: 9, ok: 2, failed: 3, timedOut: 1, cancelled: 1 });
  });
});
