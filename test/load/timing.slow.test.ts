import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import type { RequestRecord } from "../../src/load/record.ts";
import type { TruthChunk, TruthRequest } from "../../src/simulator/truth.ts";
import { sum } from "./answers.ts";
import { runAgainst } from "./simulated-run.ts";

let child: ChildProcess | undefined;
afterEach(async () => {
  if (child === undefined || child.exitCode !== null) return;
  const exited = once(child, "exit");
  child.stdin?.end();
  await exited;
});

async function simulateElsewhere(options: object): Promise<string> {
  const script = fileURLToPath(new URL("simulator-child.ts", import.meta.url));
  child = spawn(process.execPath, ["--import", "tsx", script, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [url] = (await once(lines, "line")) as [string];
  return url;
}

/** A process that only waits, 5 ms at a time: what it is late by is the machine's doing. p99 in ms, when told to stop. */
function watchMachine(): () => Promise<number> {
  const script = `
    const late = []; let due = performance.now() + 5;
    const wake = () => { late.push(performance.now() - due); due = performance.now() + 5; setTimeout(wake, 5); };
    setTimeout(wake, 5);
    process.stdin.resume().on("end", () => {
      late.sort((a, b) => a - b); console.log(late[Math.floor(late.length * 0.99)] ?? 0); process.exit();
    });`;
  const witness = spawn(process.execPath, ["-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  const said = once(createInterface({ input: witness.stdout }), "line") as Promise<[string]>;
  return async () => {
    witness.stdin.end();
    return Number((await said)[0]);
  };
}

/** Node's timers are late by a millisecond on a quiet machine. */
const busyMs = 2.5;

async function truthOf(url: string): Promise<{ chunks: TruthChunk[]; requests: TruthRequest[] }> {
  const lines = (await (await fetch(`${url}/sim/truth`)).text()).trim().split("\n");
  const entries = lines.map((line) => JSON.parse(line) as { type: string });
  return {
    chunks: entries.filter(({ type }) => type === "chunk") as unknown as TruthChunk[],
    requests: entries.filter(({ type }) => type === "request") as unknown as TruthRequest[],
  };
}

/** When each chunk was read, microseconds of the records' clock. */
function chunkTimes(record: RequestRecord): number[] {
  let at = record.firstTextUs ?? 0;
  return record.reads.gapsUs.flatMap((gap, k) => {
    at += gap;
    return Array.from({ length: record.reads.chunks[k] ?? 0 }, () => at);
  });
}

const percentile = (sorted: readonly number[], share: number) =>
  sorted[Math.floor(sorted.length * share)] ?? Number.NaN;

// Other work on the machine delays both processes: then once more.
describe("64 streams of a token each 10 ms", { retry: 2 }, () => {
  it("are recorded within 1 ms of the truth at the median and 5 ms at the 99th percentile, all of them", async () => {
    const url = await simulateElsewhere({
      dialect: "vllm",
      profile: {
        loadMs: 0,
        prefillMs: 20,
        prefillMsPerToken: 0,
        decodeMs: 10,
        decodeMsPerSequence: 0,
        maxBatch: 64,
        jitter: 0,
      },
    });
    const machineLateMs = watchMachine();
    const { records, clockStartUs, outcome } = await runAgainst(
      url,
      { arrival: "closed", concurrency: 64, requests: 320, outputTokens: 100 },
      "chat",
      { expectedE2eMs: 1000 },
    );
    const lateMs = await machineLateMs();
    const { chunks, requests } = await truthOf(url);
    expect(outcome.requests).toMatchObject({ ok: 320 });
    const late: number[] = [];
    for (const record of records) {
      const request = requests.find(({ requestId }) => requestId === `${record.i}`);
      const sent = chunks.filter((chunk) => chunk.request === request?.request);
      const read = chunkTimes(record);
      expect(read).toHaveLength(sent.length);
      expect(record.tokens.output).toBe(request?.outputTokens);
      expect(record.text?.answer).toBe(request?.text);
      expect(sum(record.reads.bytes)).toBe(sum(sent.map(({ bytes }) => bytes)));
      for (const [k, chunk] of sent.entries()) late.push((read[k] ?? 0) + clockStartUs - chunk.us);
    }
    late.sort((a, b) => a - b);
    const figures = {
      chunks: late.length,
      earliestUs: Math.round(late[0] ?? Number.NaN),
      medianUs: Math.round(percentile(late, 0.5)),
      p99Us: Math.round(percentile(late, 0.99)),
      maxUs: Math.round(late.at(-1) ?? Number.NaN),
      coalescedReads: outcome.instrument.coalescedReads,
      loopDelayP99Ms: outcome.instrument.eventLoopDelayMs.p99,
      machineLateP99Ms: lateMs,
    };
    process.stderr.write(`recorded minus true chunk times: ${JSON.stringify(figures)}\n`);
    expect(late).toHaveLength(32_000);
    expect(figures.medianUs).toBeLessThan(1000);
    // Where a process that does nothing wakes up late, so do both of these, and the tail is not the client's.
    if (lateMs > busyMs) process.stderr.write(`the machine is busy: p99 ${figures.p99Us} us is not judged\n`);
    expect(figures.p99Us).toBeLessThan(lateMs > busyMs ? Number.POSITIVE_INFINITY : 5000);
    // The truth is stamped as the write is handed over: a read may be seen only a little before.
    expect(figures.earliestUs).toBeGreaterThan(-500);
  });
});
