import { appendFile, cp, mkdir, mkdtemp, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { assembleResults } from "../../src/results/assemble.ts";
import { computeMetrics } from "../../src/results/metrics.ts";
import { createRun, openRun, type RunFolder } from "../../src/results/run-folder.ts";
import { readSample } from "../../src/results/sample.ts";
import { type PointResult, Results } from "../../src/results/schema/results.ts";
import { MeasurementSummary } from "../../src/results/schema/summary.ts";
import { closedPoint, MADE_VARIANTS, makeRun, openMadeRecords } from "../fixtures/make-run.ts";

const quick = closedPoint("protocol", 1, 4, 5);
const batching = closedPoint("batching", 2, 4, 12);
const [, fourSlots, vllm] = MADE_VARIANTS as [unknown, (typeof MADE_VARIANTS)[0], (typeof MADE_VARIANTS)[0]];
const cell = "vllm--smollm2-135m";
let made: string;
let base: string;
let run: RunFolder;

beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), "llmbench-made-"));
  await makeRun(made, { id: "run", variants: [fourSlots, vllm], points: [quick, batching], repetitions: 2 });
});
afterAll(() => rm(made, { recursive: true }));
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "llmbench-runs-"));
  await cp(made, base, { recursive: true });
  run = await openRun("run", base);
});
afterEach(() => rm(base, { recursive: true }));

const assemble = (): Promise<Results> => assembleResults(run, openMadeRecords);

function pointOf(results: Results, id: string, cellId = cell): PointResult {
  const found = results.cells.find((one) => one.id === cellId)?.points.find((point) => point.id === id);
  if (found === undefined) throw new Error(`${cellId} has no point ${id}`);
  return found;
}

describe("a point at a rate", () => {
  it("has its distribution of TTFT from when requests were due, as its headline, and both kinds in its metrics", async () => {
    const load = {
      arrival: "constant",
      ratePerSecond: 100,
      maxConcurrency: 2,
      outputTokens: 4,
      requests: 40,
    } as const;
    const point = { id: "rate", block: "rate", load };
    const { results } = await makeRun(base, {
      id: "open",
      variants: [vllm],
      points: [point],
      repetitions: 1,
    });
    const { metrics, distributions } = pointOf(results, "rate");
    expect(metrics?.userTtftMs?.max).toBeGreaterThan(metrics?.ttftMs.max ?? Infinity);
    expect(distributions?.ttft.edgesMs.at(-1)).toBeCloseTo(metrics?.userTtftMs?.max ?? 0, 6);
  });
});

async function changeSummary(
  repetition: number,
  change: (summary: MeasurementSummary) => void,
): Promise<void> {
  const { summary: path } = run.paths.measurement(cell, batching.id, repetition);
  const summary = MeasurementSummary.parse(JSON.parse(await readFile(path, "utf8")));
  change(summary);
  await writeFile(path, JSON.stringify(summary));
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe("the results of a whole run", () => {
  it("fit their schema, round-trip through results.json, and miss nothing", async () => {
    const results = await assemble();
    expect(Results.parse(results)).toEqual(results);
    await run.writeResults(results);
    expect(await run.readResults()).toEqual({ found: true, value: results });
    expect(results.incomplete).toEqual([]);
    expect(results.simulated).toBe(true);
    expect(results.run).toMatchObject({
      id: "run",
      status: "done",
      executor: "local",
      finishedAt: "2026-11-24T09:05:01.000Z",
    });
    expect(results.slos).toEqual(run.record.plan.slos);
  });

  it("have cells and points in the plan's order", async () => {
    const results = await assemble();
    expect(results.cells.map(({ id }) => id)).toEqual(["llamacpp-4slots--smollm2-135m", cell]);
    expect(results.cells[1]?.points.map(({ id, block }) => [id, block])).toEqual([
      [quick.id, "protocol"],
      [batching.id, "batching"],
    ]);
    expect(results.cells[1]).toMatchObject({
      engineVersion: "0.32.0",
      status: "done",
      hardware: "Example CPU, 2 cores",
      model: { id: "smollm2-135m", precision: "bfloat16" },
      startup: { scheduledMs: null },
    });
    expect(results.cells[1]?.server.deployments).toHaveLength(1);
  });

  it("compute a point's metrics from the records of all its measurements", async () => {
    const point = pointOf(await assemble(), batching.id);
    const samples = [];
    for (const repetition of [1, 2]) {
      const { records: path } = run.paths.measurement(cell, batching.id, repetition);
      const { header, records } = await openMadeRecords(path);
      const all = await collect(records);
      samples.push(await readSample(() => all, header.load, false));
    }
    const seed = point.measurements[0]?.seed as number;
    expect(point.metrics).toEqual(computeMetrics(samples, run.record.plan.slos, seed));
    // 11 of 12 requests of each measurement are in its window; one alone carries no median, two do.
    expect(point.measurements.map(({ metrics }) => metrics.ttftMs.count)).toEqual([11, 11]);
    expect(point.metrics?.ttftMs.count).toBe(22);
    expect(point.requests).toEqual({ planned: 24, ok: 24, failed: 0, timedOut: 0, cancelled: 0 });
    expect(point.distributions?.ttft.counts.reduce((sum, count) => sum + count, 0)).toBe(22);
    expect(point.distributions?.ttft.edgesMs).toHaveLength(
      (point.distributions?.ttft.counts.length ?? 0) + 1,
    );
  });

  it("read every records file they open to its end, twice each", async () => {
    let opened = 0;
    let ended = 0;
    await assembleResults(run, async (path) => {
      opened++;
      const { header, records } = await openMadeRecords(path);
      return {
        header,
        records: (async function* () {
          yield* records;
          ended++;
        })(),
      };
    });
    // Two cells, two points, two repetitions.
    expect([opened, ended]).toEqual([16, 16]);
  });

  it("name what differs between cells of one model", async () => {
    const { differences } = await assemble();
    expect(differences.map(({ kind }) => kind)).toEqual(["precision"]);
    expect(differences[0]?.text).toContain("Q4_1");
    expect(differences[0]?.text).toContain("bfloat16");
  });
});

describe("an invalid measurement", () => {
  const invalidate = (summary: MeasurementSummary): void => {
    summary.verdict = {
      status: "invalid",
      reasons: [{ code: "failed-requests", status: "invalid", text: "6 of 12 requests failed." }],
      notes: [],
    };
  };

  it("is kept, but its numbers are not in the point's", async () => {
    await changeSummary(1, invalidate);
    const point = pointOf(await assemble(), batching.id);
    expect(point.measurements).toHaveLength(2);
    expect(point.metrics).toEqual(point.measurements[1]?.metrics);
    expect(point.requests.planned).toBe(12);
    expect(point.verdict.status).toBe("valid");
    expect(point.verdict.notes.map(({ text }) => text)).toContain(
      "Repetition 1 is invalid and left out: 6 of 12 requests failed.",
    );
  });

  it("beside another invalid one leaves no metrics", async () => {
    await changeSummary(1, invalidate);
    await changeSummary(2, invalidate);
    const point = pointOf(await assemble(), batching.id);
    expect(point.metrics).toBeNull();
    expect(point.distributions).toBeUndefined();
    expect(point.verdict.status).toBe("invalid");
    expect(point.requests.planned).toBe(24);
  });

  it("that is only suspect counts, and makes the point suspect", async () => {
    await changeSummary(2, (summary) => {
      summary.verdict = {
        status: "suspect",
        reasons: [{ code: "failed-requests", status: "suspect", text: "1 of 12 requests failed." }],
        notes: [],
      };
    });
    const point = pointOf(await assemble(), batching.id);
    expect(point.metrics?.ttftMs.count).toBe(22);
    expect(point.verdict).toMatchObject({
      status: "suspect",
      reasons: [{ text: "Repetition 2: 1 of 12 requests failed." }],
    });
  });
});

describe("what is missing or broken", () => {
  const folder = `cells/${cell}/points/${batching.id}`;

  it("is named, and the rest is there: a torn summary", async () => {
    await writeFile(run.paths.measurement(cell, batching.id, 1).summary, '{"schemaVersion": 1, "ce');
    const results = await assemble();
    expect(results.incomplete).toEqual([`${folder}/1/summary.json is cut short or no JSON`]);
    expect(pointOf(results, batching.id).measurements.map(({ repetition }) => repetition)).toEqual([2]);
    expect(pointOf(results, quick.id).measurements).toHaveLength(2);
  });

  it("is named: a measurement that was never begun, and one that was not finished", async () => {
    await rm(run.paths.measurement(cell, batching.id, 1).folder, { recursive: true });
    await unlink(run.paths.measurement(cell, batching.id, 2).summary);
    const results = await assemble();
    expect(results.incomplete).toEqual([
      `${folder}/1 is not measured`,
      `${folder}/2 was begun and not finished`,
    ]);
    expect(results.cells[1]?.points.map(({ id }) => id)).toEqual([quick.id]);
  });

  it("is named: a cell that was never reached", async () => {
    await rm(run.paths.cell(cell), { recursive: true });
    const results = await assemble();
    expect(results.incomplete).toEqual([`cells/${cell} has no measurement`]);
    expect(results.cells[1]).toMatchObject({
      status: "pending",
      points: [],
      startup: null,
      engineVersion: "0.32.0",
    });
    expect(results.run.status).toBe("incomplete");
    expect(results.run.finishedAt).toBeUndefined();
    expect(Results.parse(results)).toEqual(results);
  });

  it("is named: records that end early; the point then comes from the others", async () => {
    const { records: path } = run.paths.measurement(cell, batching.id, 1);
    const whole = await openMadeRecords(path);
    const results = await assembleResults(run, async (opened) => {
      if (opened !== path) return openMadeRecords(opened);
      const cut = (await collect((await openMadeRecords(path)).records)).slice(0, 7);
      return {
        header: whole.header,
        records: (async function* () {
          yield* cut;
        })(),
      };
    });
    expect(results.incomplete).toEqual([
      `${folder}/1/requests.ndjson.gz holds 7 of 12 requests; the point's metrics leave it out`,
    ]);
    expect(pointOf(results, batching.id).metrics?.ttftMs.count).toBe(11);
  });

  it("is named: records that cannot be read at all; one measurement's summary stands in", async () => {
    for (const repetition of [1, 2]) {
      await writeFile(run.paths.measurement(cell, batching.id, repetition).records, "no gzip");
    }
    const results = await assemble();
    expect(results.incomplete).toHaveLength(2);
    expect(results.incomplete[0]).toContain(`${folder}/1/requests.ndjson.gz cannot be read`);
    const point = pointOf(results, batching.id);
    expect(point.metrics).toEqual(point.measurements[0]?.metrics);
    expect(point.distributions).toBeUndefined();
  });

  it("is named: a broken server.json, a broken status.json", async () => {
    await appendFile(run.paths.deployment(cell, 1).server, "}");
    await writeFile(run.paths.status(cell), "");
    const results = await assemble();
    expect(results.incomplete).toEqual([
      `cells/${cell}/status.json is cut short or no JSON`,
      `cells/${cell}/deployments/1/server.json is cut short or no JSON`,
    ]);
    expect(results.cells[1]?.points).toHaveLength(2);
  });

  it("is named: what was measured on a server set up otherwise", async () => {
    await changeSummary(1, (summary) => {
      summary.specHash = "before";
    });
    const results = await assemble();
    expect(results.incomplete).toEqual([
      `${folder}/1 was measured on a server set up otherwise than the last one`,
    ]);
    expect(pointOf(results, batching.id).measurements.map(({ repetition }) => repetition)).toEqual([2]);
  });
});

describe("the status of a run", () => {
  it.each([
    ["failed", "failed"],
    ["interrupted", "interrupted"],
    ["running", "incomplete"],
    ["pending", "incomplete"],
  ] as const)("with a cell that is %s is %s", async (status, expected) => {
    await run.writeStatus({ schemaVersion: 1, cell, status, updatedAt: "2026-11-24T10:00:00.000Z" });
    expect((await assemble()).run.status).toBe(expected);
  });

  it("carries the error of a failed cell", async () => {
    const error = { code: "SERVER_DIED", message: "It ended.", hint: "Look at the log." };
    await run.writeStatus({
      schemaVersion: 1,
      cell,
      status: "failed",
      error,
      updatedAt: "2026-11-24T10:00:00.000Z",
    });
    const results = await assemble();
    expect(results.cells[1]?.error).toEqual(error);
    expect(results.run.finishedAt).toBe("2026-11-24T10:00:00.000Z");
  });
});

describe("points that no plan names", () => {
  it("are there after the planned ones, ordered by their load, and want no further repetition", async () => {
    const plan = structuredClone(run.record.plan);
    for (const one of plan.cells) one.points = [];
    const swept = await createRun(base, { ...run.record, id: "swept", plan });
    await cp(run.paths.cells, swept.paths.cells, { recursive: true });
    await mkdir(swept.paths.point(cell, "unfinished"), { recursive: true });
    const results = await assembleResults(swept, openMadeRecords);
    expect(results.cells[1]?.points.map(({ id, block }) => [id, block])).toEqual([
      [quick.id, "sweep"],
      [batching.id, "sweep"],
    ]);
    expect(results.incomplete).toEqual([`cells/${cell}/points/unfinished/1 is not measured`]);
  });
});
