import { describe, expect, it } from "vitest";
import type { LoadSetting, RequestRecord } from "../../src/load/record.ts";
import { tabulateRequests } from "../../src/results/request-table.ts";
import { findWindow, requestsInWindow } from "../../src/results/window.ts";
import { closed, every, open, type RequestInWords, request } from "./records.ts";

async function windowOf(load: LoadSetting, requests: readonly RequestInWords[]) {
  const records = requests.map(request);
  const table = await tabulateRequests(() => records, false);
  const window = findWindow(table, load);
  return { window, counted: [...requestsInWindow(table, load, window)], records };
}

/** One stream: requests of 100 ms one after the other. */
const stream = (count: number): RequestInWords[] =>
  Array.from({ length: count }, (_, k) => ({ sent: k * 100, reads: [k * 100 + 50, k * 100 + 90] }));

describe("the window of a closed loop", () => {
  it("at concurrency 1 is from the first send to the last", async () => {
    const { window, counted } = await windowOf(closed(1), stream(5));
    expect(window).toEqual({ startUs: 0, endUs: 400_000 });
    expect(counted).toEqual([0, 1, 2, 3, 4]);
  });

  it("is null with 4 requests, and then all requests count", async () => {
    const { window, counted } = await windowOf(closed(1), stream(4));
    expect(window).toBeNull();
    expect(counted).toEqual([0, 1, 2, 3]);
  });

  it("begins with the C-th stream's first send, not with the C-th send", async () => {
    // Stream A is quick and sends three times before stream B's first request, at 250 ms.
    const requests: RequestInWords[] = [
      { sent: 0, reads: [50], ramp: true },
      { sent: 100, reads: [150], ramp: true },
      { sent: 200, reads: [240], ramp: true },
      { sent: 250, reads: [290] },
      { sent: 260, reads: [300] },
      { sent: 310, reads: [350] },
      { sent: 320, reads: [360] },
    ];
    const { window, counted } = await windowOf(closed(2), requests);
    expect(window).toEqual({ startUs: 250_000, endUs: 320_000 });
    expect(counted).toEqual([3, 4, 5, 6]);
  });

  it("needs 3 requests a stream: 12 at concurrency 4 have one, 11 have none", async () => {
    const requests = Array.from({ length: 12 }, (_, k) => ({
      sent: k * 10,
      reads: [k * 10 + 35],
      ramp: k < 3,
    }));
    expect((await windowOf(closed(4), requests)).window).toEqual({ startUs: 30_000, endUs: 110_000 });
    expect((await windowOf(closed(4), requests.slice(0, 11))).window).toBeNull();
  });

  it("counts only what reached a socket", async () => {
    const requests = [...stream(4), { scheduled: 400, error: "refused" as const, end: 401 }];
    expect((await windowOf(closed(1), requests)).window).toBeNull();
  });

  it("is null where the last stream never started", async () => {
    const requests = stream(20).map((words) => ({ ...words, ramp: true }));
    expect((await windowOf(closed(2), requests)).window).toBeNull();
  });

  it("is null where all were sent at once", async () => {
    const requests = Array.from({ length: 6 }, () => ({ sent: 5, reads: [50] }));
    expect((await windowOf(closed(1), requests)).window).toBeNull();
  });

  it("by duration is no other: what was in flight at the end finishes and counts by its send", async () => {
    const load: LoadSetting = { arrival: "closed", concurrency: 1, outputTokens: 4, durationSeconds: 0.45 };
    const { window, counted } = await windowOf(load, stream(5));
    expect(window).toEqual({ startUs: 0, endUs: 400_000 });
    expect(counted).toHaveLength(5);
  });

  it("does not depend on the order in which requests ended; those that count come in sending order", async () => {
    const requests = stream(6).reverse();
    const { window, counted, records } = await windowOf(closed(1), requests);
    expect(window).toEqual({ startUs: 0, endUs: 500_000 });
    const sends = counted.map((i) => (records[i] as RequestRecord).sentUs as number);
    expect(sends).toEqual([...sends].sort((a, b) => a - b));
  });
});

describe("the window of an open loop", () => {
  /** 20 arrivals, one every 100 ms, each sent `lag` late and done `e2e` after its send. */
  const arrivals = (e2e: number, lag = 0, count = 20): RequestInWords[] =>
    every(100, 0, count).map((at) => ({ scheduled: at, sent: at + lag, reads: [at + lag + e2e] }));

  it("leaves out a ramp of 10 % of the schedule", async () => {
    // Schedule 0 … 1900 ms; ramp 190 ms, which is longer than the median E2E of 50 ms.
    const { window, counted } = await windowOf(open(10), arrivals(50));
    expect(window).toEqual({ startUs: 190_000, endUs: 1_900_000 });
    expect(counted).toHaveLength(18);
  });

  it("leaves out at least one median E2E", async () => {
    const { window, counted } = await windowOf(open(10), arrivals(430));
    expect(window).toEqual({ startUs: 430_000, endUs: 1_900_000 });
    expect(counted).toHaveLength(15);
  });

  it("goes by scheduled arrivals, whenever they were sent", async () => {
    const { window, counted } = await windowOf(open(10), arrivals(50, 500));
    expect(window).toEqual({ startUs: 190_000, endUs: 1_900_000 });
    expect(counted[0]).toBe(2);
  });

  it("counts what was due in it and never sent", async () => {
    const requests = [...arrivals(50), { scheduled: 1950, error: "refused" as const, end: 1960 }];
    const { window, counted } = await windowOf(open(10), requests);
    expect(window?.endUs).toBe(1_950_000);
    expect(counted).toContain(20);
  });

  it("is null where the ramp leaves fewer than 5 arrivals, and then all requests count", async () => {
    // Ramp one median E2E: 1500 ms leaves 1500 … 1900, five arrivals; 1501 ms leaves four.
    expect((await windowOf(open(10), arrivals(1500))).window).not.toBeNull();
    const { window, counted } = await windowOf(open(10), arrivals(1501));
    expect(window).toBeNull();
    expect(counted).toHaveLength(20);
  });

  it("takes the median E2E of answers that ended well only", async () => {
    const requests = arrivals(50).map((words, k) =>
      k % 2 === 0 ? { ...words, error: "timeout" as const, reads: [(words.sent ?? 0) + 1800] } : words,
    );
    expect((await windowOf(open(10), requests)).window?.startUs).toBe(190_000);
  });
});

describe("no requests at all", () => {
  it("have no window and none that counts", async () => {
    for (const load of [closed(1), open(1)]) {
      const { window, counted } = await windowOf(load, []);
      expect(window).toBeNull();
      expect(counted).toEqual([]);
    }
  });
});
