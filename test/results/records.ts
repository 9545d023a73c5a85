import type { LoadSetting, RecordHeader, RequestRecord } from "../../src/load/record.ts";
import { createRandom } from "../fixtures/make-run.ts";

/** One read of an answer: when it came, ms, and the chunks in it. */
type Read = number | { readonly at: number; readonly chunks: number };

export interface RequestInWords {
  readonly sent?: number;
  readonly scheduled?: number;
  readonly reads?: readonly Read[];
  /** Default: 1 ms after the last read, else after the send. */
  readonly end?: number;
  readonly ramp?: boolean;
  readonly tokens?: RequestRecord["tokens"];
  readonly finish?: string;
  readonly error?: NonNullable<RequestRecord["error"]>["kind"];
  readonly reused?: boolean;
}

/** A record from times in milliseconds. By default it has one token a chunk, all counted, and ends by length. */
export function request(words: RequestInWords, i = 0): RequestRecord {
  const reads = (words.reads ?? []).map((read) =>
    typeof read === "number" ? { at: read, chunks: 1 } : read,
  );
  const us = (ms: number): number => Math.round(ms * 1000);
  const first = reads[0]?.at;
  const last = reads.at(-1)?.at;
  const chunks = reads.reduce((sum, read) => sum + read.chunks, 0);
  const endMs = words.end ?? (last ?? words.sent ?? words.scheduled ?? 0) + 1;
  return {
    i,
    worker: 0,
    phase: words.ramp === true ? "ramp" : "measured",
    connection: { reused: words.reused ?? true },
    scheduledUs: us(words.scheduled ?? words.sent ?? 0),
    ...(words.sent === undefined ? {} : { sentUs: us(words.sent) }),
    ...(first === undefined || last === undefined ? {} : { firstTextUs: us(first), lastTextUs: us(last) }),
    endUs: us(endMs),
    reads: {
      gapsUs: reads.map((read, k) => (k === 0 ? 0 : us(read.at) - us((reads[k - 1] as { at: number }).at))),
      chunks: reads.map((read) => read.chunks),
      bytes: reads.map((read) => 4 * read.chunks),
    },
    tokens: words.tokens ?? { prompt: 5, output: chunks, firstChunk: 1 },
    ...(words.error === undefined
      ? { finish: words.finish ?? "length", status: 200 }
      : { error: { kind: words.error, message: words.error } }),
  };
}

export function closed(concurrency: number, outputTokens = 4): LoadSetting {
  return { arrival: "closed", concurrency, outputTokens, requests: 100 };
}

export function open(ratePerSecond: number, maxConcurrency?: number): LoadSetting {
  return {
    arrival: "constant",
    ratePerSecond,
    outputTokens: 4,
    requests: 100,
    ...(maxConcurrency === undefined ? {} : { maxConcurrency }),
  };
}

export function headerOf(load: LoadSetting, endTokenCounted = false): RecordHeader {
  return {
    schemaVersion: 1,
    point: "point",
    load,
    seed: 1,
    clock: { epochMs: 0, hrtimeNs: "0" },
    client: { version: "0.1.0", transport: "test", node: "v20", workers: 1 },
    dialect: { name: "test", endTokenCounted },
  };
}

/** Reads every `gap` ms from `from`: `count` of them. */
export function every(gap: number, from: number, count: number): number[] {
  return Array.from({ length: count }, (_, k) => from + k * gap);
}

/** Numbers in (0, 1). */
export function randomFrom(seed: number): () => number {
  const random = createRandom(seed);
  return () => Math.max(random(), Number.MIN_VALUE);
}

/** Standard normal numbers (Box and Muller). */
export function normalFrom(seed: number): () => number {
  const random = randomFrom(seed);
  return () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
}
