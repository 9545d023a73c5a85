import { Pool } from "undici";
import { startClock } from "../src/load/clock.ts";
import { createTransport } from "../src/load/create-transport.ts";
import { measure } from "../src/load/generator.ts";
import { openRecordWriter } from "../src/load/record-writer.ts";

/** One run of one client in a process of its own: `ours` or `bare`, port, requests, in flight, tokens, ms a request takes, record file. */
const [kind = "", port = "", ...numbers] = process.argv.slice(2, 7);
const [requests = 0, inFlight = 0, tokens = 0] = numbers.map(Number);
const [takes = "0", recordPath = ""] = process.argv.slice(7);
const takesMs = Number(takes);
const origin = `http://127.0.0.1:${port}`;
const path = "/v1/chat/completions";
const headers = { "content-type": "application/json" };
const body = Buffer.from(
  JSON.stringify({
    model: "null",
    messages: [{ role: "user", content: "Explain quantum computing in detail" }],
    max_tokens: tokens,
    stream: true,
    stream_options: { include_usage: true },
  }),
);

/** What undici alone costs: lengths are added up, nothing else is looked at. */
async function runBare(): Promise<{ bytes: number; ok: number }> {
  const pool = new Pool(origin, { connections: inFlight, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  let issued = 0;
  let ended = 0;
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    const next = () => {
      if (issued >= requests) return;
      issued++;
      pool.dispatch(
        { method: "POST", path, headers, body },
        {
          onConnect: () => {},
          onHeaders: () => true,
          onData: (chunk) => {
            bytes += chunk.length;
            return true;
          },
          onComplete: () => {
            ended++;
            if (ended === requests) resolve();
            else next();
          },
          onError: reject,
        },
      );
    };
    for (let k = 0; k < Math.min(inFlight, requests); k++) next();
  });
  await pool.close();
  return { bytes, ok: ended };
}

interface OursRun {
  readonly ok: number;
  readonly maxRssBytes: number;
  /** Where the server waits, of each request: its number, sent, first text; the machine's clock, microseconds. */
  readonly stamps: readonly [i: number, sentUs: number, firstTextUs: number][];
}

async function runOurs(): Promise<OursRun> {
  const clock = startClock();
  const startUs = Number(BigInt(clock.hrtimeNs) / 1000n);
  const load = { arrival: "closed", concurrency: inFlight, requests, outputTokens: tokens } as const;
  const transport = createTransport({ origin, clock, maxConnections: inFlight });
  const writer = await openRecordWriter(recordPath, {
    schemaVersion: 1,
    point: "bench",
    load,
    seed: 1,
    clock: { epochMs: clock.epochMs, hrtimeNs: clock.hrtimeNs },
    client: { version: "bench", transport: transport.name, node: process.version, workers: 1 },
  });
  await transport.open(Math.min(inFlight, requests));
  const stamps: [number, number, number][] = [];
  const outcome = await measure({
    transport,
    requests: (i) => ({ method: "POST", path: `${path}?i=${i}`, headers, body }),
    load,
    seed: 1,
    clock,
    timeoutMs: 60_000,
    recorder: {
      write: (record) => {
        const { i, sentUs = Number.NaN, firstTextUs = Number.NaN } = record;
        if (takesMs > 0) stamps.push([i, startUs + sentUs, startUs + firstTextUs]);
        writer.write(record);
      },
    },
    read: { maxTokens: tokens },
    onProgress: () => rss.push(process.memoryUsage.rss()),
    expectedE2eMs: takesMs,
  });
  await writer.close();
  await transport.close();
  return {
    ok: outcome.requests.ok,
    maxRssBytes: outcome.instrument.maxRssBytes,
    stamps,
  };
}

const rss: number[] = [];
const startMs = performance.now();
const result = kind === "ours" ? await runOurs() : await runBare();
const cpu = process.cpuUsage();
process.stdout.write(
  `${JSON.stringify({ ...result, cpuMs: (cpu.user + cpu.system) / 1000, wallMs: performance.now() - startMs, rss })}\n`,
);
