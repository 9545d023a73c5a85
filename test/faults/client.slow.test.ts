import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { readAllRecords } from "../../src/load/record-reader.ts";
import type { MeasurementSummary } from "../../src/results/schema/summary.ts";
import type { ReasonCode } from "../../src/results/schema/verdict.ts";
import { findProgram } from "../../src/servers/find-program.ts";
import { Playground } from "./playground.ts";

/** Who is to blame: a client that cannot keep up is told from a server that stands still. */

let here: Playground;
beforeEach(async () => {
  here = await Playground.make();
});
afterEach(() => here.remove());

const ofTheClient: readonly ReasonCode[] = ["client-too-slow", "client-cpu", "rate-not-held", "schedule-lag"];
const ofTheServer: readonly ReasonCode[] = ["server-saturated", "failed-requests"];

async function startServer(profile: object): Promise<{ pid: number; url: string }> {
  const full = {
    loadMs: 0,
    prefillMs: 5,
    prefillMsPerToken: 0,
    decodeMs: 5,
    decodeMsPerSequence: 0,
    maxBatch: 1024,
    jitter: 0,
    ...profile,
  };
  const server = here.start(["simulate", "--dialect", "vllm", "--profile", JSON.stringify(full)]);
  await server.says(/: ready\n/);
  return { pid: server.process.pid ?? 0, url: /(http:\S+)/.exec(server.stderr())?.[1] ?? "" };
}

function bench(url: string, ...load: readonly string[]): string[] {
  return ["bench", url, "--id", "r", "--warmup", "1", "--fail-on", "never", ...load];
}

function measured(point: string): { folder: string; summary: MeasurementSummary } {
  const cell = readRun().cells[0]?.id ?? "";
  const folder = join(here.folder, "runs/r/cells", cell, "points", point, "1");
  return {
    folder,
    summary: JSON.parse(readFileSync(join(folder, "summary.json"), "utf8")) as MeasurementSummary,
  };
}

function readRun(): { cells: { id: string }[] } {
  return JSON.parse(readFileSync(join(here.folder, "runs/r/results.json"), "utf8")) as {
    cells: { id: string }[];
  };
}

const taskset = findProgram("taskset");
const nice = findProgram("nice");

describe.skipIf(taskset === undefined || nice === undefined)("a client that gets little of a core", () => {
  /** Keeps the first core busy, above a client that is nice. */
  function occupyCore(): void {
    const busy = spawn(taskset as string, ["-c", "0", process.execPath, "-e", "for (;;);"], {
      stdio: "ignore",
    });
    onTestFinished(() => {
      busy.kill("SIGKILL");
    });
  }
  const slowed = (command: readonly string[]) => [
    taskset as string,
    "-c",
    "0",
    nice as string,
    "-n",
    "5",
    ...command,
  ];

  test("is named where it holds streams", async () => {
    const { url } = await startServer({});
    occupyCore();
    const load = ["--concurrency", "16", "--max-tokens", "16", "--requests", "64"];
    await here.start(bench(url, ...load), slowed).ended;
    const { verdict, metrics } = measured("c16-out16").summary;
    const codes = verdict.reasons.map(({ code }) => code);
    process.stderr.write(`slowed, 16 streams: ${verdict.reasons.map(({ text }) => text).join(" ")}\n`);
    expect(["suspect", "invalid"]).toContain(verdict.status);
    expect(codes.some((code) => ofTheClient.includes(code))).toBe(true);
    expect(codes.filter((code) => ofTheServer.includes(code))).toEqual([]);
    expect(metrics.ttftMs.clientErrorMs?.p50).toBeGreaterThan(1);
  });

  test("is named where it does not hold a rate", async () => {
    const { url } = await startServer({ prefillMs: 2, decodeMs: 2 });
    occupyCore();
    const load = ["--rate", "1000", "--arrival", "constant", "--max-tokens", "8", "--requests", "1500"];
    await here.start(bench(url, ...load), slowed).ended;
    const { verdict } = measured("r1000-constant-out8").summary;
    const codes = verdict.reasons.map(({ code }) => code);
    process.stderr.write(`slowed, 1000 a second: ${verdict.reasons.map(({ text }) => text).join(" ")}\n`);
    expect(["suspect", "invalid"]).toContain(verdict.status);
    expect(codes.some((code) => ofTheClient.includes(code))).toBe(true);
    expect(codes.filter((code) => ofTheServer.includes(code))).toEqual([]);
  });
});

describe("a server that stands still for half a second", () => {
  const stallMs = 500;
  /** A client that has a core reads a stamp in a tenth of this. */
  const busyMs = 2.5;

  test("is valid, and every user who asked meanwhile has the rest of it in their TTFT", {
    retry: 2,
  }, async () => {
    const { pid, url } = await startServer({ prefillMs: 20, decodeMs: 10 });
    const load = ["--rate", "40", "--arrival", "constant", "--max-tokens", "16", "--requests", "240"];
    const llmbench = here.start(bench(url, ...load));
    await llmbench.says(/warmup/);
    // Into the middle of six seconds of load.
    await sleep(4500);
    process.kill(pid, "SIGSTOP");
    const stoppedNs = process.hrtime.bigint();
    await sleep(stallMs);
    const goesOnNs = process.hrtime.bigint();
    process.kill(pid, "SIGCONT");
    await llmbench.ended;
    const { folder, summary } = measured("r40-constant-out16");
    const { header, records } = await readAllRecords(join(folder, "requests.ndjson.gz"));
    const ms = (ns: bigint) => Number(ns - BigInt(header.clock.hrtimeNs)) / 1e6;
    const [from, to] = [ms(stoppedNs), ms(goesOnNs)];
    const caught = records.filter(({ scheduledUs }) => scheduledUs / 1000 > from && scheduledUs / 1000 < to);
    expect(caught.length).toBeGreaterThan(stallMs / 25 - 3);
    for (const { firstTextUs } of caught) expect((firstTextUs as number) / 1000).toBeGreaterThan(to - 1);
    expect(summary.metrics.interChunkMs.max).toBeGreaterThan(stallMs - 20);
    expect(summary.metrics.userTtftMs?.max).toBeGreaterThan(stallMs - 30);
    expect(summary.metrics.interChunkMs.clientErrorMs?.p50).toBeLessThan(stallMs / 10);
    // Where other work kept the client's core busy, that is told; the stall is no reason for anything.
    const isBusy = (summary.instrument?.readDelayMs?.p99 ?? 0) > busyMs;
    const told = summary.verdict.reasons.filter(({ code }) => !(isBusy && ofTheClient.includes(code)));
    process.stderr.write(
      `stall: ${summary.verdict.status}, a p99 of ${summary.instrument?.readDelayMs?.p99} ms to read\n`,
    );
    expect(told).toEqual([]);
  });
});
