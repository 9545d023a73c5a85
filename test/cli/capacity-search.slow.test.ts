import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Results } from "../../src/results/schema/results.ts";
import { findFreePort } from "../../src/servers/ports.ts";
import { type SimulatedServer, serveSimulated } from "../capacity/simulated-batch.ts";
import { programPath } from "../program/program.ts";
import { llmbench } from "./llmbench.ts";

/**
 * Searches over HTTP against a simulated server in a process of its own, whose capacity is known: the same batch in time
 * that costs nothing.
 */
let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-capacity-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  await rm(folder, { recursive: true, force: true });
});

const base = { loadMs: 0, prefillMsPerToken: 0 };

async function start(words: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [await programPath(), ...words], {
    cwd: folder,
    env: { ...process.env, LLMBENCH_CACHE: join(folder, "cache") },
    stdio: "ignore",
  });
  children.push(child);
  return child;
}

async function simulate({ profile: given }: SimulatedServer): Promise<string> {
  const port = await findFreePort();
  await start(["simulate", "--dialect", "vllm", "--port", `${port}`, "--profile", JSON.stringify(given)]);
  const url = `http://127.0.0.1:${port}`;
  await expect
    .poll(async () => (await fetch(`${url}/health`).catch(() => undefined))?.ok, { timeout: 30_000 })
    .toBe(true);
  return url;
}

/** `summary.json` of every probe that is whole, by its path. */
async function probes(): Promise<Map<string, string>> {
  const cells = join(folder, "runs", "search", "cells");
  if (!existsSync(cells)) return new Map();
  const paths = await readdir(cells, { recursive: true });
  const whole = paths.filter((path) => /points\/[^/]+\/\d+\/summary\.json$/.test(path));
  return new Map(whole.map((path) => [path, readFileSync(join(cells, path), "utf8")]));
}

/** The search by `bench`, killed in its middle and gone on with; says what it found. */
async function searchWithKill(url: string, words: readonly string[], killAfter: number) {
  const bench = await start([
    "bench",
    url,
    ...words,
    "--no-error-bars",
    "--fail-on",
    "never",
    "--id",
    "search",
  ]);
  const ended = once(bench, "exit");
  while ((await probes()).size < killAfter) {
    if (bench.exitCode !== null)
      throw new Error(`the search ended with ${bench.exitCode} before it was killed`);
    await sleep(50);
  }
  bench.kill("SIGKILL");
  expect(await ended).toEqual([null, "SIGKILL"]);
  const before = await probes();
  const resumed = await llmbench(["run", "--resume", "search"], { cwd: folder });
  expect(resumed.status, resumed.stderr).toBe(0);
  const after = await probes();
  // What was whole before was not made again.
  for (const [path, text] of before) expect(after.get(path)).toBe(text);
  const results = Results.parse(
    JSON.parse(await readFile(join(folder, "runs", "search", "results.json"), "utf8")),
  );
  const [capacity] = results.cells[0]?.capacity ?? [];
  expect(capacity?.probes).toHaveLength(after.size);
  if (capacity !== undefined)
    console.log(
      `${capacity.by}: [${capacity.interval?.join(", ")}], ${capacity.probes.length} probes of which ${before.size} before the kill, ${capacity.requests} requests, ${capacity.seconds.toFixed(0)} s`,
    );
  return { capacity, stdout: resumed.stdout.replace(/\s+/g, " ") };
}

it("finds the rate that a server carries, over a kill in its middle", async () => {
  const server: SimulatedServer = {
    profile: { ...base, prefillMs: 4, decodeMs: 5, decodeMsPerSequence: 0.5, maxBatch: 4, jitter: 0.1 },
    outputTokens: 20,
    slos: { ttftMs: 150 },
  };
  const shareAt = (ratePerSecond: number) => {
    const { good, all } = serveSimulated(server, { ratePerSecond }, 100_000, 1);
    return good / all;
  };
  const url = await simulate(server);
  const { capacity } = await searchWithKill(
    url,
    [
      "--find-capacity",
      "--slo",
      "ttft:150ms",
      "--slo-target",
      "0.8",
      "--max-tokens",
      "20",
      "--max-requests",
      "2200",
      "--precision",
      "25%",
    ],
    8,
  );
  expect(capacity).toMatchObject({ status: "found", by: "rate" });
  // The truth lies between the ends: the target is met at the lower one and missed at the higher.
  const [low, high] = capacity?.interval ?? [0, 0];
  expect(shareAt(low)).toBeGreaterThan(0.8);
  // A busy machine may make the server a tenth slower than its model.
  expect(shareAt(1.1 * high)).toBeLessThan(0.8);
  expect((high - low) / (capacity?.estimate ?? 0)).toBeLessThan(0.5);
});

it("finds the streams that a server carries where shares are mixed one stream above them, over a kill in its middle", async () => {
  const server: SimulatedServer = {
    profile: { ...base, prefillMs: 2, decodeMs: 4.8, decodeMsPerSequence: 2.4, maxBatch: 16, jitter: 0.3 },
    outputTokens: 20,
    slos: { tpotMs: 17 },
  };
  const shareAt = (concurrency: number) => {
    const { good, all } = serveSimulated(server, { concurrency }, 50_000, 1);
    return good / all;
  };
  // What made searches end without an answer: neither all nor nothing.
  expect(shareAt(5)).toBeGreaterThan(0.98);
  expect(shareAt(6)).toBeGreaterThan(0.4);
  expect(shareAt(6)).toBeLessThan(0.8);
  const url = await simulate(server);
  const { capacity, stdout } = await searchWithKill(
    url,
    ["--find-capacity", "concurrency", "--slo", "tpot:17ms", "--max-tokens", "20", "--max-requests", "2000"],
    6,
  );
  expect(capacity).toMatchObject({ status: "found", by: "concurrency" });
  // A busy machine may make the server slower than its model, by a stream at most.
  const [low, high] = capacity?.interval ?? [0, 0];
  expect(high).toBe(5);
  expect(low).toBeGreaterThanOrEqual(4);
  expect(capacity?.capacity).toBe(low);
  expect(stdout).toContain("in flight with 95 % of requests within every SLO (95 % interval");
});
