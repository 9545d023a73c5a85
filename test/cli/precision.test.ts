import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { Results } from "../../src/results/schema/results.ts";
import { startSimulator } from "../../src/simulator/server.ts";
import { programPath } from "../program/program.ts";
import { llmbench } from "./llmbench.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-precision-"));
  await programPath();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const resultsOf = async (id: string) =>
  Results.parse(JSON.parse(await readFile(join(folder, "runs", id, "results.json"), "utf8")));

/** Steps that vary by a tenth, and no more: a few milliseconds of a busy machine are small beside them. */
const profile = {
  loadMs: 0,
  prefillMs: 40,
  prefillMsPerToken: 0,
  decodeMs: 20,
  decodeMsPerSequence: 0,
  maxBatch: 8,
  jitter: 0.1,
};

it("goes on until the means are precise, says where it ended, and on --resume keeps it", async () => {
  const simulator = await startSimulator({ dialect: "vllm", profile });
  onTestFinished(() => simulator.close());
  const load = ["--concurrency", "8", "--max-tokens", "3", "--warmup", "1", "--precision", "25%"];
  const args = ["bench", simulator.url, ...load, "--id", "precise", "--fail-on", "never", "--no-error-bars"];
  const done = await llmbench(args, { cwd: folder });
  expect(done.stderr).not.toContain("error");
  expect(done.stdout).toContain("precision-reached");
  const [cell] = (await resultsOf("precise")).cells;
  const point = cell?.points[0];
  const ending = point?.measurements[0]?.ending;
  expect(ending).toMatchObject({ by: "precision", asked: 0.25 });
  expect(ending?.reached.ttft).toBeLessThan(0.25);
  expect(ending?.reached.tpot).toBeLessThan(0.25);
  expect(point?.load).toMatchObject({ precision: 0.25, requests: 10_000, durationSeconds: 600 });
  // Two looks, at 30 answers and at 38, and what was in flight; more where the machine's noise is in the figures.
  expect(point?.requests.ok).toBeGreaterThanOrEqual(38);
  expect(point?.requests.ok).toBeLessThan(2000);
  expect(point?.requests.planned).toBe(point?.requests.ok);
  const page = await readFile(join(folder, "runs", "precise", "report", "index.html"), "utf8");
  expect(page).toContain(`It ended after ${point?.requests.ok} answers: mean TTFT`);
  expect(page).toContain("until the means are ± 25 %");

  const records = join(folder, "runs/precise/cells", cell?.id ?? "", "points/c8-out3/1/requests.ndjson.gz");
  const before = (await stat(records)).mtimeMs;
  const resumed = await llmbench(["run", "--resume", "precise"], { cwd: folder });
  expect(resumed.status).toBe(0);
  expect((await stat(records)).mtimeMs).toBe(before);
}, 120_000);

it("ends at its limit otherwise, and is suspect by that", async () => {
  const simulator = await startSimulator({ dialect: "vllm", profile });
  onTestFinished(() => simulator.close());
  const load = ["--rate", "40", "--max-tokens", "3", "--warmup", "1", "--precision", "0.1%"];
  const limit = ["--max-requests", "40", "--no-error-bars", "--fail-on", "never", "--id", "limit"];
  const done = await llmbench(["bench", simulator.url, ...load, ...limit], { cwd: folder });
  expect(done.stdout.replace(/\s+/g, " ")).toContain(
    "suspect precision-not-reached: The means are less precise than asked",
  );
  const [cell] = (await resultsOf("limit")).cells;
  expect(cell?.points[0]?.measurements[0]?.ending).toMatchObject({ by: "requests", asked: 0.001 });
  expect(cell?.points[0]?.requests.planned).toBe(40);
  expect(cell?.points[0]?.verdict.status).not.toBe("valid");
}, 120_000);

it("is asked for in a config too, in place of a number of requests", async () => {
  const config = (block: string) => `engines: { llamacpp: { simulated: true } }
models: { m: { path: m.gguf } }
load: { blocks: [{ name: b, ${block} }] }
`;
  const validate = async (block: string) => {
    await writeFile(join(folder, "x.yaml"), config(block));
    return llmbench(["validate", "x.yaml"], { cwd: folder });
  };
  const told = async (block: string) => (await validate(block)).stderr;
  expect(await told("precision: 0.02, requests: 50")).toContain("its limit is maxRequests");
  expect(await told("precision: 0.02, duration: 50s")).toContain("its limit is maxTime");
  expect(await told("maxTime: 50s")).toContain("only a block with precision has it");
  expect(await told("precision: 2")).toContain("expected a number from 0.001 to 0.5");
  expect(await told("findCapacity: {}, precision: 0.02")).toContain("findCapacity.precision");
});

it("takes no number of requests beside it on the command line", async () => {
  const simulator = await startSimulator({ dialect: "vllm" });
  onTestFinished(() => simulator.close());
  const told = async (...more: string[]) =>
    (await llmbench(["bench", simulator.url, ...more], { cwd: folder })).stderr;
  expect(await told("--precision", "2%", "--requests", "50")).toContain("its limit is --max-requests");
  expect(await told("--precision", "2%", "--duration", "5s")).toContain("its limit is --max-time");
  expect(await told("--max-requests", "50")).toContain("a limit of --precision or --find-capacity");
  expect(await told("--precision", "80%")).toContain("not a share that fits");
});
