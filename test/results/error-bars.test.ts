import { describe, expect, it } from "vitest";
import type { RequestRecord } from "../../src/load/record.ts";
import {
  type KnownDelays,
  mergeErrorBars,
  type ProbeReadings,
  withErrorBars,
} from "../../src/results/error-bars.ts";
import { computeMetrics } from "../../src/results/metrics.ts";
import { observe } from "../../src/results/observations.ts";
import { readSample } from "../../src/results/sample.ts";
import type { Metrics } from "../../src/results/schema/metrics.ts";
import { createRandom } from "../fixtures/make-run.ts";
import { closed, open, request } from "./records.ts";

/** A server that answers in 100 ms, then a chunk each 20 ms; `late` is what a client adds to each read, ms. */
function answers(count: number, late: (atMs: number) => number, chunks = 20): RequestRecord[] {
  return Array.from({ length: count }, (_, i) => {
    const sent = i * 600;
    const reads = Array.from({ length: chunks }, (_, k) => sent + 100 + 20 * k);
    return request({ sent, reads: reads.map((at) => at + late(at)), end: sent + 590 }, i);
  });
}

/** What a replay shows of a client that reads so late, microseconds. */
function known(late: (place: number) => number, count = 2000): KnownDelays {
  const delaysUs = [Float64Array.from({ length: count }, (_, place) => late(place))];
  return {
    firstDelaysUs: Float64Array.from({ length: 50 }, (_, place) => late(place)),
    delaysUs,
    readGapsUs: Float64Array.from({ length: 50 }, () => 20_000),
    writeGapsUs: Float64Array.from({ length: 50 }, () => 20_000),
  };
}

/** A stamp each 10 ms. */
function probe(late: (atMs: number) => number, untilMs: number): ProbeReadings {
  const at = Array.from({ length: Math.floor(untilMs / 10) }, (_, k) => k * 10);
  return {
    readUs: Float64Array.from(at, (ms) => ms * 1000 + late(ms) * 1000),
    delaysUs: Float64Array.from(at, (ms) => late(ms) * 1000),
  };
}

async function bars(
  records: readonly RequestRecord[],
  replayed: KnownDelays,
  probed: ProbeReadings,
  load = closed(1, 20),
): Promise<Metrics> {
  const sample = await readSample(() => records, load, false);
  return withErrorBars(computeMetrics([sample], undefined, 1), sample, observe(sample), replayed, probed);
}

const quiet = () => 0.05;
const quietUs = () => 50;

describe("the bar of a TTFT", () => {
  it("is what the client reads late, where that is always the same", async () => {
    const late = () => 2;
    const made = await bars(
      answers(40, late),
      known(() => 2000),
      probe(late, 24_000),
    );
    expect(made.ttftMs.p50).toBeCloseTo(102, 6);
    expect(made.ttftMs.clientErrorMs?.p50).toBeCloseTo(2, 2);
    expect(made.ttftMs.clientErrorMs?.mean).toBeCloseTo(2, 2);
  });

  it("covers the error of a client that is late by chance", async () => {
    let covered = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const random = createRandom(seed);
      const exponential = (meanMs: number) => -Math.log(1 - random()) * meanMs;
      const made = await bars(
        answers(30, () => exponential(3)),
        known(() => exponential(3000)),
        probe(() => exponential(0.1), 18_000),
      );
      const error = (made.ttftMs.p50 as number) - 100;
      if (Math.abs(error) <= (made.ttftMs.clientErrorMs?.p50 ?? 0)) covered++;
    }
    expect(covered).toBeGreaterThanOrEqual(36);
  });

  it("grows with what the probe saw in the measurement, where the replay was calm", async () => {
    const late = () => 8;
    const made = await bars(answers(40, late), known(quietUs), probe(late, 24_000));
    expect(made.ttftMs.clientErrorMs?.p50).toBeCloseTo(8, 2);
  });

  it("has the client's own lateness in it where TTFT counts from the schedule", async () => {
    const records = answers(40, quiet).map((record) => ({
      ...record,
      scheduledUs: (record.sentUs as number) - 5000,
    }));
    const made = await bars(records, known(quietUs), probe(quiet, 24_000), open(1.67));
    expect(made.userTtftMs?.clientErrorMs?.p50).toBeCloseTo(5.05, 1);
    expect(made.ttftMs.clientErrorMs?.p50).toBeCloseTo(0.05, 2);
  });
});

describe("the bar of inter-chunk latency", () => {
  it("is small where every read is late by the same", async () => {
    const made = await bars(
      answers(40, () => 2),
      known(() => 2000),
      probe(() => 2, 24_000),
    );
    expect(made.interChunkMs.clientErrorMs?.p50).toBeLessThan(0.01);
  });

  it("covers what a client that stood still made of the longest gaps", async () => {
    // It stands still for 400 ms in every third answer: what was due meanwhile is read when it goes on.
    const stops = Array.from({ length: 13 }, (_, k) => 150 + k * 1800);
    const late = (at: number) => {
      const stop = stops.find((from) => at >= from && at < from + 400);
      return stop === undefined ? 0.05 : stop + 400 - at;
    };
    const made = await bars(answers(40, late), known(quietUs), probe(late, 24_000));
    const gaps = made.interChunkMs;
    expect(gaps.max).toBeGreaterThan(250);
    expect(gaps.clientErrorMs?.p50).toBeLessThan(1);
    expect(gaps.p99).toBeGreaterThan(100);
    expect(gaps.clientErrorMs?.p99).toBeGreaterThanOrEqual((gaps.p99 as number) - 21);
  });

  it("stays small where it was the server that stood still", async () => {
    const stall = (at: number) => (at >= 3150 && at < 3650 ? 3650 - at : 0.05);
    const made = await bars(answers(40, stall), known(quietUs), probe(quiet, 24_000));
    expect(made.interChunkMs.max).toBeGreaterThan(300);
    expect(made.interChunkMs.clientErrorMs).toEqual({
      mean: expect.closeTo(0, 1),
      p50: expect.closeTo(0, 1),
      p99: expect.closeTo(0, 0),
    });
  });
});

describe("the bar of a point", () => {
  it("is the widest of its measurements'", async () => {
    const one = await bars(answers(20, quiet), known(quietUs), probe(quiet, 12_000));
    const other = await bars(
      answers(20, quiet),
      known(() => 900),
      probe(quiet, 12_000),
    );
    expect(mergeErrorBars(one, [one, other]).ttftMs.clientErrorMs).toEqual(other.ttftMs.clientErrorMs);
  });

  it("is unknown where that of one of them is", async () => {
    const one = await bars(answers(20, quiet), known(quietUs), probe(quiet, 12_000));
    const { clientErrorMs: _, ...without } = one.ttftMs;
    const bare = { ...one, ttftMs: without };
    expect(mergeErrorBars(bare, [one, bare]).ttftMs.clientErrorMs).toBeUndefined();
  });
});
