import { describe, expect, it } from "vitest";
import { MeasurementSummary } from "../../src/results/schema/summary.ts";
import { type MeasurementContext, summarise } from "../../src/results/summary.ts";
import { closed, every, headerOf, request } from "./records.ts";

const context: MeasurementContext = {
  cell: "llamacpp--smollm2",
  repetition: 2,
  deployment: 1,
  instance: "i-1",
  specHash: "abc",
  startedAt: "2026-01-01T00:00:00.000Z",
  finishedAt: "2026-01-01T00:01:00.000Z",
  simulated: false,
  outputLength: "forced",
  cache: "warm",
  ownServer: true,
  instanceChanged: false,
  interrupted: false,
  clientBesideServer: false,
};

const records = Array.from({ length: 5 }, (_, k) =>
  request({ scheduled: k * 100, sent: k * 100 + 0.5, reads: every(10, k * 100 + 50, 4), reused: k > 0 }, k),
);

describe("the summary of a measurement", () => {
  it("says what was measured, where, and with which verdict; it fits its schema", async () => {
    const summary = await summarise(headerOf(closed(1)), () => records, { ...context, planned: 5 });
    expect(MeasurementSummary.parse(summary)).toEqual(summary);
    expect(summary).toMatchObject({
      cell: "llamacpp--smollm2",
      point: "point",
      repetition: 2,
      seed: 1,
      load: closed(1),
      requests: { planned: 5, ok: 5, failed: 0 },
      verdict: { status: "valid" },
    });
    expect(summary.metrics.ttftMs.mean).toBe(49.5);
    expect(summary.instrument).toBeUndefined();
  });

  it("reads records from an asynchronous source, twice", async () => {
    let opened = 0;
    const source = async function* () {
      opened++;
      yield* records;
    };
    const summary = await summarise(headerOf(closed(1)), source, context);
    expect(opened).toBe(2);
    expect(summary.metrics).toEqual((await summarise(headerOf(closed(1)), () => records, context)).metrics);
  });

  it("completes the client's readings from the records", async () => {
    const client = {
      eventLoopDelayMs: { p50: 0.1, p99: 0.5, max: 1 },
      cpuSeconds: { user: 1, system: 0.1 },
      wallSeconds: 10,
    };
    const summary = await summarise(headerOf(closed(1)), () => records, { ...context, client });
    expect(summary.instrument).toEqual({
      ...client,
      transport: "test",
      scheduleLagMs: { p50: 0.5, p99: 0.5, max: 0.5 },
      reads: 20,
      coalescedReads: 0,
      connections: { opened: 1, reused: 4 },
    });
  });

  it("takes the end token from the dialect in the header", async () => {
    const stopped = records.map((record) => ({ ...record, finish: "stop" }));
    const counted = await summarise(headerOf(closed(1), true), () => stopped, context);
    expect(counted.metrics.tpotMs.mean).toBe(15);
    const uncounted = await summarise(headerOf(closed(1), false), () => stopped, context);
    expect(uncounted.metrics.tpotMs.mean).toBe(10);
  });

  it("of no records at all is still one", async () => {
    const summary = await summarise(headerOf(closed(1)), () => [], {
      ...context,
      planned: 5,
      interrupted: true,
    });
    expect(MeasurementSummary.parse(summary).requests).toEqual({
      planned: 5,
      ok: 0,
      failed: 0,
      timedOut: 0,
      cancelled: 0,
    });
    expect(summary.verdict.status).toBe("suspect");
  });
});
