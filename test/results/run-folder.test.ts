import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createRun, listRuns, openRun, RunFolder } from "../../src/results/run-folder.ts";
import { RunPaths } from "../../src/results/run-paths.ts";
import type { MeasurementSummary } from "../../src/results/schema/summary.ts";
import { diskFiles } from "../../src/results/stored-json.ts";
import { closedPoint, MADE_VARIANTS, makeRun } from "../fixtures/make-run.ts";

const point = closedPoint("batching", 2, 8, 12);
const cell = "vllm--smollm2-135m";
let made: string;
let base: string;
let run: RunFolder;
let summary: MeasurementSummary;

beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), "llmbench-made-"));
  await makeRun(made, { id: "first", variants: MADE_VARIANTS.slice(2), points: [point], repetitions: 2 });
});
afterAll(() => rm(made, { recursive: true }));

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "llmbench-runs-"));
  await cp(made, base, { recursive: true });
  run = await openRun("first", base);
  const stored = await run.readSummary(cell, point.id, 1);
  if (!stored.found) throw new Error(stored.why);
  summary = stored.value;
});
afterEach(() => rm(base, { recursive: true }));

async function tree(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

describe("a run folder", () => {
  it("has the files of the design, and no others", async () => {
    expect(await tree(run.path)).toEqual([
      `cells/${cell}/deployments/1/server.json`,
      `cells/${cell}/deployments/1/server.log`,
      `cells/${cell}/deployments/1/warmup.json`,
      `cells/${cell}/points/${point.id}/1/requests.ndjson.gz`,
      `cells/${cell}/points/${point.id}/1/summary.json`,
      `cells/${cell}/points/${point.id}/2/requests.ndjson.gz`,
      `cells/${cell}/points/${point.id}/2/summary.json`,
      `cells/${cell}/status.json`,
      "results.json",
      "run.json",
    ]);
    expect(new RunPaths("/runs/x").report).toBe("/runs/x/report/index.html");
  });

  it("gives back what was written", async () => {
    expect(run.record.plan.cells[0]?.points).toEqual([point]);
    expect(await run.readStatus(cell)).toMatchObject({ found: true, value: { status: "done" } });
    expect(await run.readServer(cell, 1)).toMatchObject({ found: true, value: { engine: "vllm" } });
    expect(await run.readWarmup(cell, 1)).toMatchObject({ found: true, value: { requests: 3 } });
    expect(await run.readResults()).toMatchObject({ found: true });
    expect(await run.listCells()).toEqual([cell]);
    expect(await run.listPoints(cell)).toEqual([point.id]);
    expect(await run.listRepetitions(cell, point.id)).toEqual([1, 2]);
  });

  it("numbers deployments one after the other", async () => {
    const { deployment, server, folder } = await run.addDeployment(cell);
    expect(deployment).toBe(2);
    expect(server).toBe(join(folder, "server.json"));
    expect((await run.addDeployment(cell)).deployment).toBe(3);
    expect((await run.addDeployment("new--cell")).deployment).toBe(1);
    expect(await run.listDeployments(cell)).toEqual([1, 2, 3]);
  });

  it("lists planned cells first, in the plan's order, and nothing that is no cell", async () => {
    await mkdir(join(run.paths.cells, "a--b"));
    await mkdir(join(run.paths.cells, ".hidden"));
    await writeFile(join(run.paths.cells, "file"), "");
    expect(await run.listCells()).toEqual([cell, "a--b"]);
  });

  it("refuses names that lead elsewhere", () => {
    const { paths } = run;
    for (const name of ["", ".", "..", "../x", "a/b", "a\\b", "-x", "ü", "x".repeat(201), "a\0"]) {
      expect(() => paths.cell(name)).toThrow(expect.objectContaining({ code: "RUN_NAME_INVALID" }));
      expect(() => paths.point(cell, name)).toThrow(expect.objectContaining({ code: "RUN_NAME_INVALID" }));
    }
    for (const n of [0, -1, 1.5, Number.NaN]) {
      expect(() => paths.measurement(cell, point.id, n)).toThrow(
        expect.objectContaining({ code: "RUN_NAME_INVALID" }),
      );
    }
    expect(paths.cell("vllm-pr.2--Llama_3+x@1=2")).toContain("vllm-pr.2");
  });
});

describe("creating a run", () => {
  it("refuses an id that is taken or no name", async () => {
    await expect(createRun(base, run.record)).rejects.toMatchObject({ code: "RUN_EXISTS" });
    await expect(createRun(base, { ...run.record, id: "../x" })).rejects.toMatchObject({
      code: "RUN_NAME_INVALID",
    });
  });

  it("on a full disk says so, and leaves no run", async () => {
    const full = {
      ...diskFiles,
      writeNew: () => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" })),
    };
    await expect(createRun(base, { ...run.record, id: "second" }, full)).rejects.toMatchObject({
      code: "RUN_FOLDER_FULL",
      message: expect.stringContaining("second"),
    });
    await expect(openRun("second", base)).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  });
});

describe("opening a run", () => {
  it("takes an id under the base, or a path", async () => {
    expect((await openRun("first", base)).id).toBe("first");
    expect((await openRun(join(base, "first"), "/nowhere")).id).toBe("first");
    expect((await openRun(`./${relative(process.cwd(), join(base, "first"))}`, "/nowhere")).id).toBe("first");
  });

  it("names what there is when there is no such run", async () => {
    await expect(openRun("fist", base)).rejects.toMatchObject({
      code: "RUN_NOT_FOUND",
      details: ["There is: first"],
    });
    await expect(openRun("x", join(base, "nothing"))).rejects.toMatchObject({
      code: "RUN_NOT_FOUND",
      details: [],
    });
  });

  it("says what is wrong with a torn run.json", async () => {
    await writeFile(run.paths.run, (await readFile(run.paths.run, "utf8")).slice(0, 100));
    await expect(openRun("first", base)).rejects.toMatchObject({
      code: "RUN_UNREADABLE",
      message: expect.stringContaining("cut short"),
    });
  });
});

describe("listing runs", () => {
  it("is oldest first, and names what cannot be read", async () => {
    await createRun(base, { ...run.record, id: "earlier", startedAt: "2025-01-01T00:00:00.000Z" });
    await mkdir(join(base, "torn"));
    await writeFile(join(base, "torn", "run.json"), "{");
    await mkdir(join(base, "no-run"));
    const { runs, unreadable } = await listRuns(base);
    expect(runs.map(({ id }) => id)).toEqual(["earlier", "first"]);
    expect(unreadable).toEqual(["torn/run.json is cut short or no JSON"]);
    expect(await listRuns(join(base, "nothing"))).toEqual({ runs: [], unreadable: [] });
  });
});

describe("a finished measurement", () => {
  const asked = { specHash: "", failOn: "invalid" as const };
  beforeEach(() => {
    asked.specHash = summary.specHash;
  });

  it("is not made again", async () => {
    expect(await run.finishedMeasurement(cell, point, 1, asked)).toEqual(summary);
  });

  it("is made again when the server, the load or the verdict asks for it, or when there is none", async () => {
    expect(await run.finishedMeasurement(cell, point, 1, { ...asked, specHash: "other" })).toBeUndefined();
    const longer = { ...point, load: { ...point.load, requests: 13 } };
    expect(await run.finishedMeasurement(cell, longer, 1, asked)).toBeUndefined();
    expect(await run.finishedMeasurement(cell, point, 3, asked)).toBeUndefined();
    await writeFile(run.paths.measurement(cell, point.id, 1).summary, "{");
    expect(await run.finishedMeasurement(cell, point, 1, asked)).toBeUndefined();
  });

  it("does not mind a load whose absent settings are spelt out", async () => {
    const spelt = { ...point, load: { ...point.load, ratePerSecond: undefined } } as typeof point;
    expect(await run.finishedMeasurement(cell, spelt, 1, asked)).toBeDefined();
  });

  it("is made again when its verdict is in failOn and curable", async () => {
    const { summary: path } = run.paths.measurement(cell, point.id, 1);
    const suspect = (curable: boolean) => ({
      ...summary,
      verdict: {
        status: "suspect" as const,
        reasons: [{ code: "failed-requests" as const, status: "suspect" as const, text: "…", curable }],
        notes: [],
      },
    });
    await writeFile(path, JSON.stringify(suspect(true)));
    expect(await run.finishedMeasurement(cell, point, 1, asked)).toBeDefined();
    expect(await run.finishedMeasurement(cell, point, 1, { ...asked, failOn: "suspect" })).toBeUndefined();
    await writeFile(path, JSON.stringify(suspect(false)));
    expect(await run.finishedMeasurement(cell, point, 1, { ...asked, failOn: "suspect" })).toBeDefined();
  });

  it("is never written over", async () => {
    const before = await readFile(run.paths.measurement(cell, point.id, 1).summary, "utf8");
    await expect(run.finishMeasurement({ ...summary, seed: 99 })).rejects.toMatchObject({
      code: "RUN_FILE_FINISHED",
    });
    expect(await readFile(run.paths.measurement(cell, point.id, 1).summary, "utf8")).toBe(before);
  });
});

describe("a new try of a measurement", () => {
  it("moves what an earlier one left to attempt-1, the next to attempt-2", async () => {
    const { folder } = run.paths.measurement(cell, point.id, 1);
    const paths = await run.beginMeasurement(cell, point.id, 1);
    expect(await tree(folder)).toEqual(["attempt-1/requests.ndjson.gz", "attempt-1/summary.json"]);
    await writeFile(`${paths.records}.partial`, "half");
    await run.beginMeasurement(cell, point.id, 1);
    expect(await tree(folder)).toEqual([
      "attempt-1/requests.ndjson.gz",
      "attempt-1/summary.json",
      "attempt-2/requests.ndjson.gz.partial",
    ]);
    await run.beginMeasurement(cell, point.id, 1);
    expect(await readdir(folder)).toHaveLength(2);
    await run.finishMeasurement(summary);
    expect(await run.readSummary(cell, point.id, 1)).toMatchObject({ found: true });
  });

  it("moves the summary first, so that a crash in between leaves none that vouches for records that are gone", async () => {
    const moved: string[] = [];
    const counting = new RunFolder(run.path, run.record, {
      ...diskFiles,
      rename: (from, to) => {
        if (moved.length === 1) return Promise.reject(Object.assign(new Error("stopped"), { code: "EIO" }));
        moved.push(from);
        return diskFiles.rename(from, to);
      },
    });
    await expect(counting.beginMeasurement(cell, point.id, 1)).rejects.toMatchObject({
      code: "RUN_FOLDER_UNWRITABLE",
    });
    expect(moved).toEqual([run.paths.measurement(cell, point.id, 1).summary]);
    expect((await run.readSummary(cell, point.id, 1)).found).toBe(false);
  });

  it("makes its folder where there is none, and says when it cannot", async () => {
    const { folder } = await run.beginMeasurement(cell, "another", 1);
    expect(await readdir(folder)).toEqual([]);
    const readOnly = new RunFolder(run.path, run.record, {
      ...diskFiles,
      mkdir: () => Promise.reject(Object.assign(new Error("read-only file system"), { code: "EROFS" })),
    });
    await expect(readOnly.beginMeasurement(cell, "third", 1)).rejects.toMatchObject({
      code: "RUN_FOLDER_UNWRITABLE",
      message: expect.stringContaining("third"),
    });
  });
});
