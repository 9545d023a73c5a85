import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { RequestRecord } from "../../src/load/record.ts";
import { ResponseReader } from "../../src/load/response-reader.ts";
import { ReadersShare, TemplateEventReader } from "../../src/load/template-event-reader.ts";
import type { Sink } from "../../src/load/transport.ts";
import type { CaptureFolder } from "../fixtures/captures.ts";

/** What a capture means, read from its bytes by hand and by a program that shares nothing with the client. */
export interface Expectation {
  readonly status?: number;
  readonly text?: string;
  /** Chunks with text. */
  readonly chunks?: number;
  readonly finish?: string;
  /** A first chunk that only names the role. */
  readonly role?: boolean;
  readonly done?: boolean;
  readonly prompt?: number;
  readonly output?: number;
  readonly cached?: number;
  readonly perChunk?: readonly number[];
  /** prompt_ms, prompt_n, predicted_ms, predicted_n, cache_n. */
  readonly timings?: readonly [number, number, number, number, number];
  /** Kind, and how the message begins. */
  readonly error?: readonly [string, string?];
}

const table = JSON.parse(
  readFileSync(new URL("../fixtures/capture-expectations.json", import.meta.url), "utf8"),
) as Record<CaptureFolder, Record<string, Expectation>>;

export function expectationsOf(folder: CaptureFolder): Record<string, Expectation> {
  return table[folder];
}

/** Feeds one answer to a reader and gives back the record. */
export function readAnswer(feed: (sink: Sink) => void): RequestRecord {
  let record: RequestRecord | undefined;
  const reader = new ResponseReader(
    { saveText: true },
    new TemplateEventReader(new ReadersShare(true)),
    (made) => {
      expect(record).toBeUndefined();
      record = made;
    },
  );
  reader.begin({ i: 0, worker: 0, phase: "measured", scheduledUs: 0 });
  feed(reader);
  if (record === undefined) throw new Error("the answer made no record");
  return record;
}

/** Of a record, what an expectation speaks of; its times and reads are held against each other on the way. */
export function summaryOf(record: RequestRecord, expected: Expectation): object {
  expectConsistent(record);
  const { tokens, serverTimings: timings, reads } = record;
  const said = expected.error?.[1] ?? "";
  return {
    status: record.status,
    text: record.text?.answer === "" ? undefined : record.text?.answer,
    chunks: sum(reads.chunks),
    finish: record.finish,
    role: record.roleUs !== undefined,
    done: record.done === true,
    prompt: tokens.prompt,
    output: tokens.output,
    cached: tokens.cached,
    perChunk: tokens.perChunk,
    firstChunk: tokens.firstChunk,
    timings: timings && [
      timings.promptMs,
      timings.promptTokens,
      timings.predictedMs,
      timings.predictedTokens,
      timings.cachedTokens,
    ],
    error: record.error && [record.error.kind, record.error.message.slice(0, said.length)],
  };
}

/** The same of an expectation, with what it leaves out. */
export function summaryExpected(expected: Expectation): object {
  return {
    status: expected.status,
    text: expected.text,
    chunks: expected.chunks ?? 0,
    finish: expected.finish,
    role: expected.role ?? false,
    done: expected.done ?? false,
    prompt: expected.prompt,
    output: expected.output,
    cached: expected.cached,
    perChunk: expected.perChunk,
    firstChunk: expected.perChunk?.[0],
    timings: expected.timings,
    error: expected.error && [expected.error[0], expected.error[1] ?? ""],
  };
}

/** What must hold of every record. */
export function expectConsistent(record: RequestRecord): void {
  const { reads, firstTextUs, lastTextUs } = record;
  expect(reads.chunks.length).toBe(reads.gapsUs.length);
  expect(reads.bytes.length).toBe(reads.gapsUs.length);
  expect(reads.gapsUs.length > 0).toBe(firstTextUs !== undefined);
  expect(sum(reads.gapsUs)).toBe((lastTextUs ?? 0) - (firstTextUs ?? 0));
  if (record.text !== undefined) {
    const { answer, reasoning = "", toolCalls = [] } = record.text;
    const calls = toolCalls.map((call) => Buffer.byteLength(call) - "()".length);
    expect(sum(reads.bytes)).toBe(Buffer.byteLength(answer) + Buffer.byteLength(reasoning) + sum(calls));
  }
  const times = [
    record.scheduledUs,
    record.sentUs,
    record.headersUs,
    record.firstByteUs,
    firstTextUs,
    lastTextUs,
    record.endUs,
  ].filter((time) => time !== undefined);
  expect(times).toEqual([...times].sort((a, b) => a - b));
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
