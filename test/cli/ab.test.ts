import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AbResult } from "../../src/results/schema/ab.ts";
import { AbRuns, comparison, load, patience } from "./ab-runs.ts";
import { llmbench } from "./llmbench.ts";

const runs = new AbRuns();

describe("Two servers that stand", () => {
  it("are told apart where one takes twice as long for each token, in words, numbers and exit status", {
    timeout: patience,
  }, async () => {
    const urls = ["--a", await runs.simulate(20), "--b", await runs.simulate(40)];
    const { status, stdout, stderr } = await runs.ab([...urls, ...load, "--id", "slower", "--fail-on-worse"]);
    expect(status).toBe(4);
    expect(stderr).toContain("both servers stand already. 60 requests in 12 blocks.");
    expect(stderr).toMatch(/Expected to take about \d+ s: an estimate/);
    const found = await runs.abOf("slower");
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
    const page = await readFile(join(runs.folder, "runs/slower/report/index.html"), "utf8");
    expect(page).toContain('<h2 id="ab-title">Is the difference real?</h2>');
    expect(page.replace(/\u00a0/g, " ")).toContain(found.sentence);
    const written = await llmbench(["report", "slower", "--format", "md"], { cwd: runs.folder });
    expect(written.status).toBe(0);
    const markdown = await readFile(join(runs.folder, "runs/slower/report/report.md"), "utf8");
    expect(markdown).toContain("## Is the difference real?");
    expect(markdown).toMatch(/\| TPOT [\d.]+ → [\d.]+ ms \| .* \| worse \|/);
  });

  it("are not told apart where they are the same one twice", { timeout: patience }, async () => {
    const url = await runs.simulate(20);
    const { status } = await runs.ab(["--a", url, "--b", url, ...load, "--id", "same"]);
    expect(status).toBe(0);
    const { comparisons } = await runs.abOf("same");
    expect(comparisons).toHaveLength(4);
    // By its own level it errs in up to one of twenty runs; a test may not.
    for (const { pHolm } of comparisons) expect(pHolm).toBeGreaterThan(0.001);
  });
});

describe("A config with two variants", () => {
  it("shares one server where they differ in load alone", { timeout: patience }, async () => {
    const more = `cells: { overrides: [{ engine: other, load: { blocks: [{ name: few, outputTokens: 16, requests: 5 }] } }] }`;
    const file = await runs.config("load.yaml", more, [20, 20]);
    const { status, stderr } = await runs.ab([file, "--id", "load"]);
    expect(status).toBe(0);
    expect(stderr).toContain("A and B differ in load alone and share one server");
    const { cells, ab: found } = await runs.resultsOf("load");
    const instances = cells.flatMap(({ server }) => server.deployments.map(({ instance }) => instance));
    expect(instances).toHaveLength(2);
    expect(new Set(instances).size).toBe(1);
    const e2e = comparison(found as AbResult, "e2eMs.mean");
    expect(e2e).toMatchObject({ pointA: "few-c1-out8", pointB: "few-c1-out16", finding: "worse" });
  });

  it("ends with the first block that fails, and says which", { timeout: patience }, async () => {
    const file = await runs.config("broken.yaml", "", [4, 4]);
    const text = await readFile(join(runs.folder, file), "utf8");
    // Its second variant never gets ready.
    const never = text
      .replace(/(other: .*"loadMs":)0/, "$1600000")
      .replace(/(other: \{ kind: vllm,)/, "$1 startTimeout: 1s,");
    await writeFile(join(runs.folder, file), never);
    const { status, stderr } = await runs.ab([file, "--id", "broken"]);
    expect(status).toBe(1);
    expect(stderr).not.toContain("pair 2 of 6");
    const { cells, run, ab: found } = await runs.resultsOf("broken");
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
    const { status, stderr } = await runs.ab(words);
    expect(status).toBe(2);
    expect(stderr).toContain(said);
  });
});
