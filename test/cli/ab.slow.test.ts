import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AbResult } from "../../src/results/schema/ab.ts";
import { Results } from "../../src/results/schema/results.ts";
import { AbRuns, comparison, load, patience } from "./ab-runs.ts";

const runs = new AbRuns();

describe("A pair with an invalid block", () => {
  it("is measured once more, and counts then", { timeout: patience }, async () => {
    const url = await runs.simulate(20);
    // One completion that proves it, one to warm it up, five a block: two of the third block fail.
    const rule = { when: { indices: [12, 13] }, effects: { reject: { status: 500 } } };
    const failing = await runs.simulate(20, { rules: [rule] });
    const { status, stderr } = await runs.ab(["--a", failing, "--b", url, ...load, "--id", "cured"]);
    expect(status).toBe(0);
    expect(stderr).toMatch(/once more, for a block that is invalid: pair (?:\d, )*3/);
    const { a, b } = await runs.abOf("cured");
    const third = (await runs.resultsOf("cured")).cells
      .find(({ id }) => id === a)
      ?.points[0]?.measurements.find(({ repetition }) => repetition === 3);
    expect(third?.requests).toMatchObject({ ok: 5, failed: 0 });
    for (const cell of [a, b])
      expect(await readdir(join(runs.folder, "runs/cured/cells", cell, "points/c1-out8/3"))).toContain(
        "attempt-1",
      );
  });
});

describe("A config with two variants", () => {
  it("has a deployment of its own for each block, in the order drawn", { timeout: patience }, async () => {
    const file = await runs.config("one.yaml", "", [40, 20]);
    const { status, stdout } = await runs.ab([file, "--id", "one", "--json"]);
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
    const file = await runs.config("both.yaml", "ab: { resident: both }", [20, 40]);
    const root = join(runs.folder, "runs", "stopped");
    const points = (cell: string, pair: number) =>
      join(root, "cells", `${cell}--m`, "points", "few-c1-out8", String(pair));
    const isDone = (cell: string, pair: number) => existsSync(join(points(cell, pair), "summary.json"));
    const stopped = await runs.ab([file, "--id", "stopped"], {
      // In the middle of the third pair: one of its blocks is whole, the other is not.
      stopWhen: () => isDone("plain", 3) !== isDone("other", 3),
    });
    expect(stopped.status).toBe(130);
    expect(stopped.stderr).toContain("llmbench ab --resume");
    const before = await runs.resultsOf("stopped");
    expect(before.run.status).toBe("interrupted");
    expect(before.ab).toMatchObject({
      pairsDone: 2,
      comparisons: [],
      sentence: "Not compared yet: 2 of 6 pairs are measured. They are compared when all are.",
    });
    const first = isDone("plain", 3) ? "plain" : "other";

    const resumed = await runs.ab(["--resume", "stopped"]);
    expect(resumed.status).toBe(0);
    expect(resumed.stderr).toContain("4 of them to measure");
    const after = await runs.resultsOf("stopped");
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

    const again = await runs.ab(["--resume", "stopped"]);
    expect(again.status).toBe(0);
    expect(again.stderr).not.toContain("pair 1 of 6");
  });
});
