import type { Random } from "../../src/load/random.ts";
import type { BatchServer } from "./batch-server.ts";

const normal = (random: Random) =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());

/** A large batch whose steps grow with it: the share falls within a few per cent of the rate. */
export const steep: BatchServer = {
  prefillMs: 4,
  prefillMsPerSequence: 1,
  decodeMs: 15,
  decodeMsPerSequence: 0.4,
  maxBatch: 256,
  outputTokens: () => 64,
  slos: { ttftMs: 500, tpotMs: 40 },
};

/** Four slots and a queue before them: what misses is the wait, and the share falls slowly. */
export const shallow: BatchServer = {
  prefillMs: 10,
  prefillMsPerSequence: 2,
  decodeMs: 8,
  decodeMsPerSequence: 1,
  maxBatch: 4,
  outputTokens: () => 32,
  slos: { ttftMs: 400, tpotMs: 40 },
};

/** Answers of log-normal length (median 60, σ = 1: one in a hundred is over 600 tokens). */
export const heavyTailed: BatchServer = {
  prefillMs: 5,
  prefillMsPerSequence: 2,
  decodeMs: 12,
  decodeMsPerSequence: 0.6,
  maxBatch: 128,
  outputTokens: (random) => Math.min(1024, Math.max(1, Math.round(60 * Math.exp(normal(random))))),
  slos: { ttftMs: 300, tpotMs: 40 },
};

/** Four slots and answers of any length: what a fifth and sixth stream wait for one varies, so that shares are mixed there. */
export const mixed: BatchServer = {
  prefillMs: 10,
  prefillMsPerSequence: 2,
  decodeMs: 8,
  decodeMsPerSequence: 1,
  maxBatch: 4,
  outputTokens: (random) => 8 + Math.floor(random.next() * 57),
  slos: { ttftMs: 500, tpotMs: 40 },
};
