import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { Results } from "../../src/results/schema/results.ts";
import { startSimulator } from "../../src/simulator/server.ts";
import { programPath } from "../program/program.ts";
import { llmbench } from "./llmbench.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-capacity-"));
  await programPath();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const resultsOf = async (id: string) =>
  Results.parse(JSON.parse(await readFile(join(folder, "runs", id, "results.json"), "utf8")));

/** A prefill of 60 ms: no TTFT can be below it, by the server's own parameter. */
const profile = {
  loadMs: 0,
  prefillMs: 60,
  prefillMsPerToken: 0,
  decodeMs: 1,
  decodeMsPerSequence: 0,
  maxBatch: 8,
  jitter: 0,
};

it("says that a server misses the SLOs alone, and keeps the probe as a measurement", async () => {
  const simulator = await startSimulator({ dialect: "vllm", profile });
  onTestFinished(() => simulator.close());
  const search = ["--find-capacity", "--slo", "ttft:30ms", "--max-tokens", "3", "--warmup", "1"];
  const done = await llmbench(
    ["bench", simulator.url, ...search, "--gpu-hour", "3.6", "--fail-on", "never", "--id", "unmet"],
    { cwd: folder },
  );
  expect(done.stdout.replace(/\s+/g, " ")).toContain(
    "does not meet the SLOs in 95 % of requests, even one request at a time",
  );
  const [cell] = (await resultsOf("unmet")).cells;
  expect(cell?.capacity?.[0]).toMatchObject({ status: "unmet", capacity: null, requests: 20 });
  expect(cell?.points.map(({ id }) => id)).toEqual(["capacity-out3-c1-n20"]);
  // 3.6 an hour is 0.001 a second.
  const { cost, metrics } = cell?.points[0] ?? {};
  expect(cost?.perMillionOutputTokens).toBeCloseTo(1000 / (metrics?.outputTokensPerSecond?.value ?? 0), 6);
  expect(cost?.perMillionGoodTokens).toBeNull();
  const page = await readFile(join(folder, "runs", "unmet", "report", "index.html"), "utf8");
  expect(page).toContain("Capacity and cost");
}, 120_000);

it("needs SLOs, and no load beside it", async () => {
  const bench = (more: readonly string[]) =>
    llmbench(["bench", "http://127.0.0.1:9", "--find-capacity", ...more], { cwd: folder });
  const simulator = await startSimulator({ dialect: "vllm" });
  onTestFinished(() => simulator.close());
  const at = (more: readonly string[]) =>
    llmbench(["bench", simulator.url, "--find-capacity", ...more], { cwd: folder });
  expect((await at([])).stderr).toContain("--find-capacity needs SLOs to meet");
  expect((await at(["--slo", "ttft:1s", "--rate", "2"])).stderr).toContain("leave --rate out");
  expect((await bench(["--slo-target", "95"])).status).not.toBe(0);
});
