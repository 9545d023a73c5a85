import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Calibrator } from "../src/calibration/calibrator.ts";
import { hrtimeUsOf, startClock } from "../src/load/clock.ts";
import { LoadClients } from "../src/load/load-clients.ts";
import type { RecordHeader, RequestRecord } from "../src/load/record.ts";
import { readAllRecords } from "../src/load/record-reader.ts";
import { openRecordWriter } from "../src/load/record-writer.ts";
import { readSample } from "../src/results/sample.ts";
import type { Metrics } from "../src/results/schema/metrics.ts";
import type { MeasurementSummary } from "../src/results/schema/summary.ts";
import { quantile } from "../src/results/statistics.ts";
import { summarise } from "../src/results/summary.ts";
import type { TruthChunk, TruthRequest } from "../src/simulator/truth.ts";
import { clientReadings } from "../src/steps/client-readings.ts";

/** A load of the truth test, and how the simulator serves it. */
export interface TruthScenario {
  readonly streams: number;
  readonly tokens: number;
  readonly requests: number;
  /** Of the simulator, for each token, ms. */
  readonly decodeMs: number;
}

/** One statistic as it was printed, beside the same of the server's own stamps; milliseconds. */
export interface JudgedStatistic {
  readonly name: string;
  readonly value: number;
  readonly error: number;
  readonly bar: number;
}

export interface TruthMeasurement {
  readonly judged: readonly JudgedStatistic[];
  /** Of every chunk: read − write, ms, sorted. */
  readonly chunkErrorsMs: Float64Array;
  readonly sendToReceiptMs: number;
  readonly summary: MeasurementSummary;
}

/** A simulator in a process of its own, which stamps what it writes. `llmbench`: words that start the program. */
export async function startStampingServer(
  llmbench: readonly string[],
  scenario: TruthScenario,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const profile = {
    loadMs: 0,
    prefillMs: 50,
    prefillMsPerToken: 0,
    decodeMs: scenario.decodeMs,
    decodeMsPerSequence: 0,
    maxBatch: scenario.streams,
    jitter: 0.02,
  };
  const port = await freePort();
  const [program, ...words] = llmbench;
  const options = [
    "simulate",
    "--dialect",
    "vllm",
    "--port",
    `${port}`,
    "--profile",
    JSON.stringify(profile),
  ];
  const child = spawn(program as string, [...words, ...options], { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; !(await answers(`${url}/health`)); tries++) {
    if (tries === 150 || child.exitCode !== null) throw new Error("the simulator does not come up");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return { url, stop: async () => await endChild(child) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function answers(url: string): Promise<boolean> {
  return await fetch(url).then(
    (response) => response.ok,
    () => false,
  );
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, "exit");
  child.kill();
  await gone;
}

/** Measures as `measurePoint` does, and holds what comes out against the server's stamps. `key`: measurements that share a replay. */
export async function measureAgainstTruth(
  url: string,
  scenario: TruthScenario,
  calibrator: Calibrator,
  key: string,
): Promise<TruthMeasurement> {
  await fetch(`${url}/sim/truth?clear=1`).then((response) => response.text());
  const folder = await mkdtemp(join(tmpdir(), "llmbench-truth-"));
  try {
    const path = join(folder, "requests.ndjson.gz");
    const measured = await measureOnce(url, scenario, calibrator, key, path);
    const { records } = await readAllRecords(path);
    return await judge(url, records, measured);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Measured {
  readonly header: RecordHeader;
  readonly summary: MeasurementSummary;
  readonly offsetUs: number;
}

async function measureOnce(
  url: string,
  scenario: TruthScenario,
  calibrator: Calibrator,
  key: string,
  path: string,
): Promise<Measured> {
  const { streams, tokens, requests, decodeMs } = scenario;
  const load = { arrival: "closed", concurrency: streams, outputTokens: tokens, requests } as const;
  const clock = startClock();
  const clients = new LoadClients();
  const client = await clients.open(clock, { transport: { origin: url, maxConnections: streams } }, 1);
  const header: RecordHeader = {
    schemaVersion: 1,
    point: "truth",
    load,
    seed: 1,
    clock: { epochMs: clock.epochMs, hrtimeNs: clock.hrtimeNs },
    client: {
      version: "bench",
      transport: client.transport,
      node: process.versions.node,
      workers: client.workers,
    },
    simulated: true,
  };
  const writer = await openRecordWriter(path, header);
  const body = Buffer.from(
    JSON.stringify({
      model: "simulated",
      messages: [{ role: "user", content: "Explain quantum computing in detail" }],
      max_tokens: tokens,
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    }),
  );
  await client.open(streams);
  const stamps = await calibrator.stampsPort();
  if (stamps !== undefined) await client.watchDelays(stamps);
  const outcome = await client.measure({
    requests: (i) => ({
      method: "POST",
      path: "/v1/chat/completions",
      headers: { "content-type": "application/json", "x-request-id": `${i}` },
      body,
    }),
    load,
    seed: 1,
    timeoutMs: 60_000,
    expectedE2eMs: 50 + tokens * decodeMs,
    recorder: writer,
    read: { maxTokens: tokens },
  });
  const readings = await client.close();
  await writer.close();
  const played = await calibrator.replay({
    key,
    recordsPath: path,
    span: { firstUs: outcome.firstSentUs ?? 0, lastUs: outcome.lastEndUs ?? 0 },
    streams,
    openClient: async (at, settings) => await clients.open(at, settings, 1),
    transportName: client.transport,
    body,
    signal: new AbortController().signal,
  });
  const now = new Date().toISOString();
  const { records } = await readAllRecords(path);
  const summary = await summarise(header, () => records, {
    ...clientReadings(outcome.instrument, readings, played),
    simulated: true,
    cell: "truth",
    repetition: 1,
    deployment: 1,
    instance: "1",
    specHash: "",
    startedAt: now,
    finishedAt: now,
    planned: requests,
    outputLength: "forced",
    instanceChanged: false,
    ownServer: true,
    cache: "warm",
    interrupted: false,
    clientBesideServer: true,
  });
  return { header, summary, offsetUs: hrtimeUsOf(clock) };
}

async function judge(
  url: string,
  records: readonly RequestRecord[],
  { header, summary, offsetUs }: Measured,
): Promise<TruthMeasurement> {
  const truth = await readTruth(url);
  const sample = await readSample(() => records, header.load, false);
  const ttft: number[] = [];
  const gaps: number[] = [];
  const errors: number[] = [];
  const receipts: number[] = [];
  for (const i of sample.ok) {
    const record = records[i] as RequestRecord;
    const sent = truth.get(`${record.i}`);
    if (sent === undefined) throw new Error(`the server knows no request ${record.i}`);
    const sentUs = (record.sentUs as number) + offsetUs;
    ttft.push(((sent.chunks[0] as TruthChunk).us - sentUs) / 1000);
    receipts.push((sent.request.receivedUs - sentUs) / 1000);
    for (const [k, chunk] of sent.chunks.entries()) {
      const before = sent.chunks[k - 1];
      if (before !== undefined && before.write !== chunk.write) gaps.push((chunk.us - before.us) / 1000);
    }
    const read = chunkTimes(record);
    if (read.length !== sent.chunks.length) throw new Error(`request ${record.i}: chunks are missing`);
    for (const [k, at] of read.entries())
      errors.push((at + offsetUs - (sent.chunks[k] as TruthChunk).us) / 1000);
  }
  return {
    judged: [
      ...judged("TTFT", summary.metrics.ttftMs, ttft),
      ...judged("gap", summary.metrics.interChunkMs, gaps),
    ],
    chunkErrorsMs: Float64Array.from(errors).sort(),
    sendToReceiptMs: quantile(Float64Array.from(receipts).sort(), 0.5),
    summary,
  };
}

function judged(name: string, printed: Metrics["ttftMs"], true_: readonly number[]): JudgedStatistic[] {
  const sorted = Float64Array.from(true_).sort();
  return (
    [
      ["p50", 0.5],
      ["p99", 0.99],
    ] as const
  ).flatMap(([key, share]) => {
    const value = printed[key];
    const bar = printed.clientErrorMs?.[key];
    if (value === null) return [];
    if (bar === undefined) throw new Error(`${name} ${key} has no error bar`);
    return [{ name: `${name} ${key}`, value, error: value - quantile(sorted, share), bar }];
  });
}

/** When each chunk was read, microseconds of the records' clock. */
function chunkTimes(record: RequestRecord): number[] {
  let at = record.firstTextUs ?? 0;
  return record.reads.gapsUs.flatMap((gap, k) => {
    at += gap;
    return Array.from({ length: record.reads.chunks[k] ?? 0 }, () => at);
  });
}

async function readTruth(
  url: string,
): Promise<ReadonlyMap<string, { readonly request: TruthRequest; readonly chunks: TruthChunk[] }>> {
  const text = await (await fetch(`${url}/sim/truth`)).text();
  const byNumber = new Map<number, { readonly request: TruthRequest; readonly chunks: TruthChunk[] }>();
  for (const line of text.trim().split("\n")) {
    const entry = JSON.parse(line) as ({ type: "chunk" } & TruthChunk) | ({ type: "request" } & TruthRequest);
    if (entry.type === "request") byNumber.set(entry.request, { request: entry, chunks: [] });
    else byNumber.get(entry.request)?.chunks.push(entry);
  }
  return new Map([...byNumber.values()].map((known) => [known.request.requestId ?? "", known]));
}
