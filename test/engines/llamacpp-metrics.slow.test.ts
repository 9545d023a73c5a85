import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PointResult, Results } from "../../src/results/schema/results.ts";
import { ServerSeries } from "../../src/results/schema/server-series.ts";
import { cacheFolder } from "../../src/servers/cache-folder.ts";
import { llmbench } from "../cli/llmbench.ts";

const folder = mkdtempSync(join(tmpdir(), "llmbench-real-metrics-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Of the requests with a prefix one is read in full: llama.cpp lets go of what an idle slot held.
const config = `
engines:
  llamacpp: { settings: { maxConcurrentRequests: 2, contextLength: 512, threads: 1 } }
models:
  smollm2-135m: { package: smollm2-135m }
failOn: never
errorBars: false
load:
  serverMetrics: 250ms
  blocks:
    - { name: warm, concurrency: 4, outputTokens: 16, requests: 10 }
    - { name: cold, concurrency: 2, inputTokens: 64, outputTokens: 8, requests: 8 }
    - { name: prefix, concurrency: 2, inputTokens: 128, outputTokens: 8, requests: 12, cache: "shared-prefix:0.5" }
`;

let results: Results;
beforeAll(async () => {
  writeFileSync(join(folder, "real.yaml"), config);
  // What is installed stays installed: nothing here depends on an empty cache.
  const env = { LLMBENCH_CACHE: cacheFolder() };
  const ended = await llmbench(["run", "real.yaml", "--id", "real"], { cwd: folder, env });
  if (ended.status !== 0) throw new Error(ended.stderr);
  results = JSON.parse(readFileSync(join(folder, "runs/real/results.json"), "utf8")) as Results;
  console.info(
    results.cells[0]?.points.map(({ id, measurements }) => ({ id, ...measurements[0]?.server, series: 0 })),
  );
});

const point = (block: string): PointResult => {
  const found = results.cells[0]?.points.find((one) => one.block === block);
  if (found === undefined) throw new Error(`no point of ${block}`);
  return found;
};
const codesOf = ({ verdict }: PointResult) => verdict.reasons.map(({ code }) => code);

describe("The real llama.cpp, looked at while it is measured", () => {
  test.each([["warm"], ["cold"], ["prefix"]])("counts the tokens that its usage says: %s", (block) => {
    const { server } = point(block).measurements[0] ?? {};
    expect(server?.notCompared).toBeUndefined();
    expect(server?.promptTokens?.usage).toBeGreaterThan(0);
    expect(server?.promptTokens?.counted).toBe(server?.promptTokens?.usage);
    expect(server?.outputTokens?.counted).toBe(server?.outputTokens?.usage);
    expect(codesOf(point(block))).not.toContain("token-conservation");
  });

  test("shows four requests in two slots, on the clock of its records", () => {
    const { server } = point("warm").measurements[0] ?? {};
    expect(server?.requestsRunning?.max).toBe(2);
    expect(server?.requestsWaiting?.max).toBe(2);
    const path = "runs/real/cells/llamacpp--smollm2-135m/points/warm-c4-out16/1/server-metrics.json";
    const series = ServerSeries.parse(JSON.parse(readFileSync(join(folder, path), "utf8")));
    expect(series.names["requestsRunning"]).toEqual(["llamacpp:requests_processing"]);
    expect(series.missed).toBeUndefined();
    const times = series.samples.map(({ sentUs }) => sentUs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect([series.samples[0], series.samples.at(-1)]).toMatchObject([
      { requestsRunning: 0, requestsWaiting: 0 },
      { requestsRunning: 0, requestsWaiting: 0 },
    ]);
    // Counters never go back.
    const tokens = series.samples.map((sample) => sample.generationTokensTotal ?? Number.NaN);
    expect(tokens).toEqual(tokens.toSorted((a, b) => a - b));
  });

  test.skipIf(process.platform !== "linux")("takes processor time and holds its model in memory", () => {
    const { server } = point("warm").measurements[0] ?? {};
    expect(server?.cpuCores?.mean).toBeGreaterThan(0.01);
    // One thread computes, others only answer HTTP.
    expect(server?.cpuCores?.mean).toBeLessThan(2);
    // The weights are 98 MB.
    expect(server?.memoryBytes?.max).toBeGreaterThan(90e6);
    expect(server?.memoryBytes?.max).toBeLessThan(2e9);
  });

  test("keeps each cache contract, by its usage and by its counters alike", () => {
    for (const block of ["cold", "prefix"]) expect(codesOf(point(block))).not.toContain("cache-contract");
    expect(point("cold").measurements[0]?.server?.cachedShare).toBeLessThan(0.1);
    const { metrics, measurements } = point("prefix");
    const byUsage = (metrics?.tokens.cachedMean ?? 0) / (metrics?.tokens.promptMean ?? 1);
    expect(byUsage).toBeGreaterThan(0.4);
    expect(byUsage).toBeLessThan(0.6);
    expect(measurements[0]?.server?.cachedShare).toBeCloseTo(byUsage, 6);
  });
});
