import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Results } from "../../src/results/schema/results.ts";
import type { SimulatorDialect } from "../../src/simulator/options.ts";
import { type RunningSimulator, startSimulator } from "../../src/simulator/server.ts";
import { programPath } from "../program/program.ts";
import { llmbench } from "./llmbench.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-cache-"));
  await programPath();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const simulators: RunningSimulator[] = [];
afterEach(async () => {
  for (const simulator of simulators.splice(0)) await simulator.close();
});

async function simulate(dialect: SimulatorDialect, behaviour: object = {}): Promise<string> {
  const simulator = await startSimulator({ dialect, behaviour });
  simulators.push(simulator);
  return simulator.url;
}

/** Share of prompt tokens from the cache by the server's counters, and what the verdict says of it. */
async function bench(url: string, id: string, ...contract: string[]) {
  const load = ["--api", "completions", "--concurrency", "2", "--max-tokens", "2", "--requests", "20"];
  const words = ["bench", url, ...load, "--fail-on", "never", "--id", id, ...contract];
  expect(await llmbench(words, { cwd: folder })).toMatchObject({ status: 0 });
  const results = JSON.parse(await readFile(join(folder, "runs", id, "results.json"), "utf8")) as Results;
  const point = results.cells[0]?.points[0];
  const said = [...(point?.verdict.reasons ?? []), ...(point?.verdict.notes ?? [])];
  return {
    share: point?.measurements[0]?.server?.cachedShare ?? Number.NaN,
    found: said.filter(({ code }) => code === "cache-contract").map(({ status }) => status),
  };
}

describe("A cache contract against a server that keeps prefixes", () => {
  it("cold finds nothing of an earlier prompt, also where the same bench was there before", async () => {
    const url = await simulate("sglang");
    for (const id of ["cold-1", "cold-2"]) {
      const { share, found } = await bench(url, id, "--cache", "cold");
      expect(share).toBeLessThan(0.15);
      expect(found).toEqual([]);
    }
  }, 120_000);

  it("shared-prefix finds what it shares, from the first request on", async () => {
    const url = await simulate("vllm");
    const contract = ["--input-tokens", "200", "--cache", "shared-prefix:0.5"];
    const { share, found } = await bench(url, "shared", ...contract);
    // Whole blocks of 16 tokens: 96 of 200.
    expect(share).toBeCloseTo(0.48, 1);
    expect(found).toEqual([]);
  });

  it("warm finds all of a prompt that is repeated, and says so", async () => {
    const url = await simulate("llamacpp");
    const { share, found } = await bench(url, "warm", "--input-tokens", "200", "--cache", "warm");
    expect(share).toBeGreaterThan(0.9);
    expect(found).toEqual(["note"]);
  });

  it("is broken, and its verdict suspect, where the server keeps none", async () => {
    const url = await simulate("vllm", { prefixCache: false });
    const contract = ["--input-tokens", "200", "--cache", "shared-prefix:128"];
    const { share, found } = await bench(url, "broken", ...contract);
    expect(share).toBe(0);
    expect(found).toEqual(["suspect"]);
  });
});
