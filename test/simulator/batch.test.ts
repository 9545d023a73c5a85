import { mean, standardDeviation } from "simple-statistics";
import { describe, expect, it } from "vitest";
import type { SimulatorProfile } from "../../src/config/plan.ts";
import { Batch, type Sequence } from "../../src/simulator/batch.ts";
import { instantProfile } from "../../src/simulator/profiles.ts";
import { createRandom } from "../../src/simulator/random.ts";
import { createVirtualTimeline } from "../../src/simulator/timeline.ts";

const profile: SimulatorProfile = {
  ...instantProfile,
  prefillMs: 20,
  prefillMsPerToken: 0.5,
  decodeMs: 10,
  decodeMsPerSequence: 0.25,
  maxBatch: 4,
};

/** A sequence of `tokens` tokens that notes when each was due, in milliseconds from the start. */
function noted(tokens: number, prefillTokens = 0) {
  const startUs = 1_000_000;
  const dueMs: number[] = [];
  const sequence: Sequence & { dueMs: number[]; startedMs: number | undefined } = {
    prefillTokens,
    dueMs,
    startedMs: undefined,
    cancelled: false,
    started: (us) => {
      sequence.startedMs = (us - startUs) / 1000;
    },
    token: (us) => {
      dueMs.push((us - startUs) / 1000);
      return dueMs.length < tokens;
    },
  };
  return sequence;
}

function batchOf(overrides: Partial<SimulatorProfile> = {}, seed = 1) {
  const timeline = createVirtualTimeline(1_000_000);
  return { timeline, batch: new Batch(timeline, { ...profile, ...overrides }, createRandom(seed)) };
}

describe("the latency model", () => {
  it("takes prefill and then one decode step a token", () => {
    const { timeline, batch } = batchOf();
    const sequence = noted(4, 100);
    batch.submit(sequence);
    timeline.run();
    expect(sequence.dueMs).toEqual([70, 80, 90, 100]);
  });

  it("makes a step of several sequences longer by decodeMsPerSequence each", () => {
    const { timeline, batch } = batchOf();
    const sequences = [noted(3), noted(3), noted(3)];
    // The first is alone in its prefill; the two that come meanwhile are prefilled together.
    for (const sequence of sequences) batch.submit(sequence);
    timeline.run();
    expect(sequences.map(({ dueMs }) => dueMs)).toEqual([
      [20, 50.5, 61],
      [40, 50.5, 61],
      [40, 50.5, 61],
    ]);
  });

  it("queues what exceeds the largest batch until a sequence ends", () => {
    const { timeline, batch } = batchOf({ maxBatch: 2, prefillMs: 0, decodeMsPerSequence: 0 });
    const sequences = [noted(3), noted(5), noted(2), noted(2)];
    for (const sequence of sequences) batch.submit(sequence);
    expect([batch.running, batch.waiting]).toEqual([1, 3]);
    timeline.advance(15_000);
    expect([batch.running, batch.waiting]).toEqual([2, 2]);
    timeline.run();
    expect(sequences.map(({ startedMs }) => startedMs)).toEqual([0, 0, 20, 30]);
    expect(sequences.map(({ dueMs }) => dueMs.at(-1))).toEqual([20, 40, 30, 40]);
  });

  it("lets a prefill hold up those that decode", () => {
    const { timeline, batch } = batchOf({ decodeMsPerSequence: 0 });
    const first = noted(4);
    batch.submit(first);
    timeline.advance(25_000);
    batch.submit(noted(1, 60));
    timeline.run();
    expect(first.dueMs).toEqual([20, 30, 90, 100]);
  });

  it("drops a cancelled sequence at the end of the step under way", () => {
    const { timeline, batch } = batchOf();
    const left = noted(100);
    const stays = noted(3);
    batch.submit(left);
    batch.submit(stays);
    timeline.advance(55_000);
    left.cancelled = true;
    timeline.run();
    expect(left.dueMs).toEqual([20, 50.25]);
    expect(stays.dueMs).toEqual([40, 50.25, 60.5]);
    expect(batch.running).toBe(0);
  });

  it("has steps with the mean asked for and the deviation that jitter says", () => {
    const { timeline, batch } = batchOf({ jitter: 0.2, prefillMs: 10 }, 7);
    const sequence = noted(20_000);
    batch.submit(sequence);
    timeline.run();
    const steps = sequence.dueMs.map((due, i) => due - (sequence.dueMs[i - 1] ?? 0));
    // Standard errors: 0.014 of the mean, 0.01 of the deviation.
    expect(Math.abs(mean(steps) - 10)).toBeLessThan(0.06);
    expect(Math.abs(standardDeviation(steps) - 2)).toBeLessThan(0.05);
    expect(Math.min(...steps)).toBeGreaterThan(0);
  });

  it("is the same from the same seed and another from another", () => {
    const run = (seed: number) => {
      const { timeline, batch } = batchOf({ jitter: 0.3 }, seed);
      const sequence = noted(50);
      batch.submit(sequence);
      timeline.run();
      return sequence.dueMs;
    };
    expect(run(1)).toEqual(run(1));
    expect(run(1)).not.toEqual(run(2));
  });

  it("lays steps end to end: a late timer does not delay the next step's deadline", () => {
    const { timeline } = batchOf();
    // Every call comes 3 ms late.
    const late = { ...timeline, at: (us: number, call: () => void) => timeline.at(us + 3000, call) };
    const lateBatch = new Batch(late, { ...profile, prefillMs: 10 }, createRandom(1));
    const sequence = noted(50);
    lateBatch.submit(sequence);
    timeline.run();
    expect(sequence.dueMs).toEqual(Array.from({ length: 50 }, (_, i) => 10 * (i + 1)));
    expect(lateBatch.stats).toMatchObject({ steps: 50, overruns: 0, lateMaxUs: 3000 });
  });

  it("starts its schedule afresh when the host fell far behind", () => {
    const { timeline } = batchOf();
    const late = { ...timeline, at: (us: number, call: () => void) => timeline.at(us + 80_000, call) };
    const lateBatch = new Batch(late, { ...profile, prefillMs: 10 }, createRandom(1));
    const sequence = noted(3);
    lateBatch.submit(sequence);
    timeline.run();
    expect(sequence.dueMs).toEqual([10, 100, 190]);
    expect(lateBatch.stats.overruns).toBe(3);
  });
});
