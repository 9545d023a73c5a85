import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { AbResult } from "../../src/results/schema/ab.ts";
import { Results } from "../../src/results/schema/results.ts";
import { type RunningSimulator, startSimulator } from "../../src/simulator/server.ts";
import { llmbench } from "./llmbench.ts";

/** Twelve blocks, each a few seconds where others have the processors. */
const patience = 180_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-ab-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const simulators: RunningSimulator[] = [];
afterEach(async () => {
  for (const simulator of simulators.splice(0)) await simulator.close();
});
const profile = (decodeMs: number) => ({
  loadMs: 0,
  prefillMs: 100,
  prefillMsPerToken: 0,
  decodeMs,
  decodeMsPerSequence: 0,
  maxBatch: 16,
  jitter: 0,
});
async function simulate(decodeMs: number, behaviour: object = {}): Promise<string> {
  const simulator = await startSimulator({ dialect: "vllm", profile: profile(decodeMs), behaviour });
  simulators.push(simulator);
  return simulator.url;
}

// A machine that others use delays chunks: what the verdicts say of it is not what is tested here.
const load = ["--max-tokens", "8", "--requests", "5", "--warmup", "1", "--fail-on", "never"];
const ab = (words: readonly string[], options: { stopWhen?: () => boolean } = {}) =>
  llmbench(["ab", ...words], { cwd: folder, ...options });

async function resultsOf(id: string): Promise<Results> {
  return Results.parse(JSON.parse(await readFile(join(folder, "runs", id, "results.json"), "utf8")));
}

async function abOf(id: string): Promise<AbResult> {
  const { ab: found } = await resultsOf(id);
  if (found === undefined) throw new Error(`${id} has no ab`);
  return found;
}

/** A config of two simulated variants. */
async function config(name: string, more: string, decodeMs: readonly [number, number]): Promise<string> {
  const engine = (ms: number) => `{ kind: vllm, simulated: ${JSON.stringify(profile(ms))} }`;
  await writeFile(
    join(folder, name),
    `engines:
  plain: ${engine(decodeMs[0])}
  other: ${engine(decodeMs[1])}
models: { m: {} }
failOn: never
load: { warmup: 1, blocks: [{ name: few, outputTokens: 8, requests: 5 }] }
${more}`,
  );
  return name;
}

const comparison = ({ comparisons }: AbResult, metric: string) =>
  comparisons.find((each) => each.metric === metric);

describe("Two servers that stand", () => {
  it("are told apart where one takes twice as long for each token, in words, numbers and exit status", {
    timeout: patience,
  }, async () => {
    const urls = ["--a", await simulate(20), "--b", await simulate(40)];
    const { status, stdout, stderr } = await ab([...urls, ...load, "--id", "slower", "--fail-on-worse"]);
    expect(status).toBe(4);
    expect(stderr).toContain("both servers stand already. 60 requests in 12 blocks.");
    expect(stderr).toMatch(/Expected to take about \d+ s: an estimate/);
    const found = await abOf("slower");
    expect(found).toMatchObject({ servers: "standing", pairsDone: 6 });
    const tpot = comparison(found, "tpotMs.mean");
    expect(tpot?.finding).toBe("worse");
    expect(tpot?.interval[0]).toBeLessThan(1);
    expect(tpot?.interval[1]).toBeGreaterThan(0.9);
    expect(tpot?.differences.map(({ pair }) => pair)).toEqual([1, 2, 3, 4, 5, 6]);
    // The same words in the terminal, broken at its width.
    const words = stdout.replace(/\s+/g, " ");
    expect(words).toContain(found.sentence);
    for (const { sentence } of found.comparisons) expect(words).toContain(sentence);
    for (const line of stdout.split("\n").filter((each) => !each.startsWith("Report:")))
      expect(line.length).toBeLessThanOrEqual(80);
    const page = await readFile(join(folder, "runs/slower/report/index.html"), "utf8");
    expect(page).toContain('<h2 id="ab-title">Is the difference real?</h2>');
    expect(page.replace(/\u00a0/g, " ")).toContain(found.sentence);
    const written = await llmbench(["report", "slower", "--format", "md"], { cwd: folder });
    expect(written.status).toBe(0);
    const markdown = await readFile(join(folder, "runs/slower/report/report.md"), "utf8");
    expect(markdown).toContain("## Is the difference real?");
    expect(markdown).toMatch(/\| TPOT [\d.]+ → [\d.]+ ms \| .* \| worse \|/);
  });

  it("are not told apart where they are the same one twice", { timeout: patience }, async () => {
    const url = await simulate(20);
    const { status } = await ab(["--a", url, "--b", url, ...load, "--id", "same"]);
    expect(status).toBe(0);
    const { comparisons } = await abOf("same");
    expect(comparisons).toHaveLength(4);
    // By its own level it errs in up to one of twenty runs; a test may not.
    for (const { pHolm } of comparisons) expect(pHolm).toBeGreaterThan(0.001);
  });
});

describe("A pair with an invalid block", () => {
  it("is measured once more, and counts then", { timeout: patience }, async () => {
    const url = await simulate(20);
    // One completion that proves it, one to warm it up, five a block: two of the third block fail.
    const rule = { when: { indices: [12, 13] }, effects: { reject: { status: 500 } } };
    const failing = await simulate(20, { rules: [rule] });
    const { status, stderr } = await ab(["--a", failing, "--b", url, ...load, "--id", "cured"]);
    expect(status).toBe(0);
    expect(stderr).toMatch(/once more, for a block that is invalid: pair (?:\d, )*3/);
    const { a, b } = await abOf("cured");
    const third = (await resultsOf("cured")).cells
      .find(({ id }) => id === a)
      ?.points[0]?.measurements.find(({ repetition }) => repetition === 3);
    expect(third?.requests).toMatchObject({ ok: 5, failed: 0 });
    for (const cell of [a, b])
      expect(await readdir(join(folder, "runs/cured/cells", cell, "points/c1-out8/3"))).toContain(
        "attempt-1",
      );
  });
});

describe("A config with two variants", () => {
  it("has a deployment of its own for each block, in the order drawn", { timeout: patience }, async () => {
    const file = await config("one.yaml", "", [40, 20]);
    const { status, stdout } = await ab([file, "--id", "one", "--json"]);
    expect(status).toBe(0);
    const results = Results.parse(JSON.parse(stdout));
    expect(results.ab?.servers).toBe("one");
    expect([...(results.ab?.orders ?? [])].sort()).toEqual(["AB", "AB", "AB", "BA", "BA", "BA"]);
    const [a, b] = results.cells;
    const instances = [a, b].flatMap((cell) => cell?.server.deployments.map(({ instance }) => instance));
    expect(new Set(instances).size).toBe(12);
    const begun = (cell: typeof a) =>
      cell?.server.deployments.map(({ startedAt }) => Date.parse(startedAt)) ?? [];
    expect(begun(a).map((time, pair) => (time < (begun(b)[pair] ?? 0) ? "AB" : "BA"))).toEqual(
      results.ab?.orders,
    );
    expect(results.run.status).toBe("done");
    expect(results.incomplete).toEqual([]);
    expect(comparison(results.ab as AbResult, "tpotMs.mean")).toMatchObject({ finding: "better" });
  });

  it("goes on after an interruption with whole pairs kept and the broken one measured again as a whole", {
    timeout: patience,
  }, async () => {
    const file = await config("both.yaml", "ab: { resident: both }", [20, 40]);
    const root = join(folder, "runs", "stopped");
    const points = (cell: string, pair: number) =>
      join(root, "cells", `${cell}--m`, "points", "few-c1-out8", String(pair));
    const isDone = (cell: string, pair: number) => existsSync(join(points(cell, pair), "summary.json"));
    const stopped = await ab([file, "--id", "stopped"], {
      // In the middle of the third pair: one of its blocks is whole, the other is not.
      stopWhen: () => isDone("plain", 3) !== isDone("other", 3),
    });
    expect(stopped.status).toBe(130);
    expect(stopped.stderr).toContain("llmbench ab --resume");
    const before = await resultsOf("stopped");
    expect(before.run.status).toBe("interrupted");
    expect(before.ab).toMatchObject({
      pairsDone: 2,
      comparisons: [],
      sentence: "Not compared yet: 2 of 6 pairs are measured. They are compared when all are.",
    });
    const first = isDone("plain", 3) ? "plain" : "other";

    const resumed = await ab(["--resume", "stopped"]);
    expect(resumed.status).toBe(0);
    expect(resumed.stderr).toContain("4 of them to measure");
    const after = await resultsOf("stopped");
    expect(after.run.status).toBe("done");
    expect(after.ab?.pairsDone).toBe(6);
    expect(comparison(after.ab as AbResult, "tpotMs.mean")).toMatchObject({ finding: "worse" });
    expect((await readdir(points(first, 3))).filter((name) => name.startsWith("attempt-"))).toHaveLength(1);
    expect(await readdir(points("plain", 1))).not.toContain("attempt-1");
    // Both stayed up: one server each before the stop and one after it.
    expect(after.cells.map(({ server }) => server.deployments.length)).toEqual([2, 2]);
    expect(
      after.cells.flatMap(({ points: all }) =>
        all.flatMap(({ verdict }) => verdict.reasons.map(({ code }) => code)),
      ),
    ).not.toContain("shared-node");

    const again = await ab(["--resume", "stopped"]);
    expect(again.status).toBe(0);
    expect(again.stderr).not.toContain("pair 1 of 6");
  });

  it("shares one server where they differ in load alone", { timeout: patience }, async () => {
    const more = `cells: { overrides: [{ engine: other, load: { blocks: [{ name: few, outputTokens: 16, requests: 5 }] } }] }`;
    const file = await config("load.yaml", more, [20, 20]);
    const { status, stderr } = await ab([file, "--id", "load"]);
    expect(status).toBe(0);
    expect(stderr).toContain("A and B differ in load alone and share one server");
    const { cells, ab: found } = await resultsOf("load");
    const instances = cells.flatMap(({ server }) => server.deployments.map(({ instance }) => instance));
    expect(instances).toHaveLength(2);
    expect(new Set(instances).size).toBe(1);
    const e2e = comparison(found as AbResult, "e2eMs.mean");
    expect(e2e).toMatchObject({ pointA: "few-c1-out8", pointB: "few-c1-out16", finding: "worse" });
  });

  it("ends with the first block that fails, and says which", { timeout: patience }, async () => {
    const file = await config("broken.yaml", "", [4, 4]);
    const text = await readFile(join(folder, file), "utf8");
    // Its second variant never gets ready.
    const never = text
      .replace(/(other: .*"loadMs":)0/, "$1600000")
      .replace(/(other: \{ kind: vllm,)/, "$1 startTimeout: 1s,");
    await writeFile(join(folder, file), never);
    const { status, stderr } = await ab([file, "--id", "broken"]);
    expect(status).toBe(1);
    expect(stderr).not.toContain("pair 2 of 6");
    const { cells, run, ab: found } = await resultsOf("broken");
    expect(run.status).toBe("failed");
    expect(cells.map((cell) => cell.status).sort()).toEqual(["failed", "interrupted"]);
    expect(found?.pairsDone).toBe(0);
  });
});

describe("What cannot be compared", () => {
  it.each<[string, readonly string[], string]>([
    ["nothing", [], "what is to be compared?"],
    ["one URL alone", ["--a", "http://127.0.0.1:9"], "what is to be compared?"],
    ["five pairs", ["x.yaml", "--pairs", "5"], "--pairs 5: at least 6 pairs are needed"],
    ["a config with a load beside it", ["x.yaml", "--max-tokens", "8"], "--max-tokens goes with --a and --b"],
    ["a config and URLs", ["x.yaml", "--a", "http://127.0.0.1:9"], "--a goes with --a and --b"],
    ["a run to go on with and more pairs", ["--resume", "x", "--pairs", "8"], "--resume goes on with"],
  ])("is refused before anything starts: %s", async (_what, words, said) => {
    const { status, stderr } = await ab(words);
    expect(status).toBe(2);
    expect(stderr).toContain(said);
  });
});
