import { relative } from "node:path";
import { type CellPlan, isSimulated } from "../config/plan.ts";
import type { RecordHeader, RequestRecord } from "../load/record.ts";
import { assembleAb } from "./ab/assemble-ab.ts";
import { assembleCapacity } from "./capacity/assemble-capacity.ts";
import { costOf } from "./capacity/cost.ts";
import { lastMeasured } from "./deployments.ts";
import { findDifferences } from "./differences.ts";
import { mergeErrorBars } from "./error-bars.ts";
import { binValues } from "./histogram.ts";
import { tpotMs, ttftMs, userTtftMs } from "./latencies.ts";
import { computeMetrics, latencyValues } from "./metrics.ts";
import { isUsable, judgePoint } from "./point-verdict.ts";
import { readProfile } from "./profile-folder.ts";
import type { RunFolder } from "./run-folder.ts";
import { readSample, type Sample } from "./sample.ts";
import type { ProfileSummary } from "./schema/profile.ts";
import type { CellResult, MeasurementResult, PointResult, Results } from "./schema/results.ts";
import type { ServerRecord } from "./schema/server.ts";
import type { CellStatus } from "./schema/status.ts";
import type { StepSummary } from "./schema/step.ts";
import type { MeasurementSummary, RequestCounts } from "./schema/summary.ts";
import { readStep } from "./step-folder.ts";

/** Opens a requests.ndjson.gz (src/load/record-reader.ts); called more than once for a file. */
export type OpenRecords = (
  path: string,
) => Promise<{ readonly header: RecordHeader; readonly records: AsyncIterable<RequestRecord> }>;

/**
 * results.json of a run, from what is in its folder now. A point's metrics are computed from the records of all its
 * measurements that are not invalid. What is missing or cannot be read is left out and named in `incomplete`; one bad
 * file never hides the others.
 */
export async function assembleResults(run: RunFolder, openRecords: OpenRecords): Promise<Results> {
  const incomplete: string[] = [];
  const { record } = run;
  const { plan } = record;
  const cells: { cell: CellResult; status: CellStatus | undefined }[] = [];
  for (const cell of plan.cells) cells.push(await assembleCell(run, cell, openRecords, incomplete));
  const statuses = cells.map(({ cell }) => cell.status);
  const ended = cells.flatMap(({ status }) => (status === undefined ? [] : [status.updatedAt])).sort();
  const isOver = statuses.every((status) => status !== "pending" && status !== "running");
  const finishedAt = isOver ? ended.at(-1) : undefined;
  const simulated = record.simulated || cells.some(({ cell }) => cell.simulated);
  const results = cells.map(({ cell }) => cell);
  const ab = record.ab === undefined ? undefined : assembleAb(record.ab, plan, results);
  return {
    schemaVersion: 1,
    simulated,
    run: {
      id: record.id,
      name: plan.name,
      ...(plan.description === undefined ? {} : { description: plan.description }),
      executor: record.executor,
      startedAt: record.startedAt,
      ...(finishedAt === undefined ? {} : { finishedAt }),
      status: runStatus(statuses),
      llmbenchVersion: record.versions.llmbench,
      nodeVersion: record.versions.node,
      ...(record.host === undefined ? {} : { host: record.host }),
      os: record.os,
      hardware: record.hardware,
      plan,
    },
    ...(plan.slos === undefined ? {} : { slos: plan.slos }),
    failOn: plan.failOn,
    cells: results,
    differences: findDifferences(results),
    ...(ab === undefined ? {} : { ab }),
    incomplete: [...incomplete, ...(ab?.omitted ?? [])],
  };
}

function runStatus(statuses: readonly CellResult["status"][]): Results["run"]["status"] {
  if (statuses.includes("failed")) return "failed";
  if (statuses.includes("interrupted")) return "interrupted";
  return statuses.every((status) => status === "done") ? "done" : "incomplete";
}

async function assembleCell(
  run: RunFolder,
  plan: CellPlan,
  openRecords: OpenRecords,
  incomplete: string[],
): Promise<{ cell: CellResult; status: CellStatus | undefined }> {
  const stored = await run.readStatus(plan.id);
  if (!stored.found && !stored.missing)
    incomplete.push(`${shown(run, run.paths.status(plan.id))} ${stored.why}`);
  const status = stored.found ? stored.value : undefined;
  const deployments: ServerRecord[] = [];
  for (const deployment of await run.listDeployments(plan.id)) {
    const server = await run.readServer(plan.id, deployment);
    const paths = run.paths.deployment(plan.id, deployment);
    if (server.found) deployments.push(server.value);
    else if (server.missing) incomplete.push(`${shown(run, paths.folder)} never became ready`);
    else incomplete.push(`${shown(run, paths.server)} ${server.why}`);
  }
  const last = lastMeasured(deployments);
  const steps = await stepsOf(run, plan.id, last?.specHash, status, incomplete);
  const profile = await profileOf(run, plan.id, last?.specHash, status, incomplete);
  const points = await assemblePoints(run, plan, last?.specHash, openRecords, incomplete);
  const capacity = await assembleCapacity(run, plan, last?.specHash);
  const precision = last?.model.precision ?? plan.model.precision;
  const cell: CellResult = {
    id: plan.id,
    variant: plan.variant,
    engine: plan.engine,
    engineVersion: last?.engineVersion ?? plan.version ?? "unknown",
    model: { id: plan.model.id, ...(precision === undefined ? {} : { precision }) },
    // On a cluster a cell's own machine is named after its pool; the run's is that of a step.
    hardware: plan.server.kind === "kubernetes" ? plan.server.pool : run.record.hardware.name,
    simulated: isSimulated(plan.server) || deployments.some((server) => server.simulated),
    status: status?.status ?? "pending",
    ...(status?.error === undefined ? {} : { error: status.error }),
    startup: last?.startup ?? null,
    server: { specHash: last?.specHash ?? "", deployments },
    points,
    ...(capacity.length === 0 ? {} : { capacity }),
    ...(steps.length === 0 ? {} : { steps }),
    ...(profile === undefined ? {} : { profile }),
  };
  return { cell, status };
}

/** What steps of plugins found on the server as it was last deployed. */
async function stepsOf(
  run: RunFolder,
  cell: string,
  specHash: string | undefined,
  status: CellStatus | undefined,
  incomplete: string[],
): Promise<StepSummary[]> {
  const steps: StepSummary[] = [];
  for (const { name } of run.record.plan.steps ?? []) {
    const stored = await readStep(run, cell, name);
    const { folder, summary } = run.paths.step(cell, name);
    if (!stored.found) {
      if (status?.status === "done" || !stored.missing)
        incomplete.push(`${shown(run, summary)} ${stored.why}`);
    } else if (specHash !== undefined && stored.value.specHash !== specHash)
      incomplete.push(`${shown(run, folder)} is of a server set up otherwise than the last one`);
    else steps.push(stored.value);
  }
  return steps;
}

/** The cell's profile where there is one of the server as it was last deployed. */
async function profileOf(
  run: RunFolder,
  cell: string,
  specHash: string | undefined,
  status: CellStatus | undefined,
  incomplete: string[],
): Promise<ProfileSummary | undefined> {
  const stored = await readProfile(run, cell);
  const { folder, summary } = run.paths.profile(cell);
  if (!stored.found) {
    const asked = run.record.plan.profiling !== undefined && status?.status === "done";
    if (asked || !stored.missing) incomplete.push(`${shown(run, summary)} ${stored.why}`);
    return undefined;
  }
  if (specHash === undefined || stored.value.specHash === specHash) return stored.value;
  incomplete.push(`${shown(run, folder)} is of a server set up otherwise than the last one`);
  return undefined;
}

async function assemblePoints(
  run: RunFolder,
  plan: CellPlan,
  specHash: string | undefined,
  openRecords: OpenRecords,
  incomplete: string[],
): Promise<PointResult[]> {
  const found = await run.listPoints(plan.id);
  if (found.length === 0) {
    incomplete.push(`${shown(run, run.paths.cell(plan.id))} has no measurement`);
    return [];
  }
  const planned = plan.points.map((point) => point.id);
  const points: PointResult[] = [];
  for (const point of [...planned, ...found.filter((name) => !planned.includes(name))]) {
    const asked = plan.points.find(({ id }) => id === point);
    const summaries = await readSummaries(run, plan, point, specHash, incomplete);
    if (summaries.length > 0)
      points.push(
        await assemblePoint(
          run,
          asked?.block ?? blockOf(plan, point),
          plan.price,
          summaries,
          openRecords,
          incomplete,
        ),
      );
  }
  // The points of a sweep that chose them itself are in no plan: by length, then by load.
  const order = (point: PointResult): number => {
    const index = planned.indexOf(point.id);
    return index === -1 ? planned.length : index;
  };
  return points.sort((a, b) => order(a) - order(b) || compareLoads(a.load, b.load));
}

function compareLoads(a: PointResult["load"], b: PointResult["load"]): number {
  return (
    a.outputTokens - b.outputTokens ||
    (a.inputTokens ?? 0) - (b.inputTokens ?? 0) ||
    (a.concurrency ?? 0) - (b.concurrency ?? 0) ||
    (a.ratePerSecond ?? 0) - (b.ratePerSecond ?? 0)
  );
}

/** Summaries of a point's measurements on the server as it was last deployed. */
async function readSummaries(
  run: RunFolder,
  plan: CellPlan,
  point: string,
  specHash: string | undefined,
  incomplete: string[],
): Promise<MeasurementSummary[]> {
  const asked = plan.points.find(({ id }) => id === point);
  const begun = await run.listRepetitions(plan.id, point);
  const repetitions = new Set(begun);
  const wanted = asked === undefined ? 1 : (asked.repetitions ?? plan.repetitions);
  for (let repetition = 1; repetition <= wanted; repetition++) repetitions.add(repetition);
  const summaries: MeasurementSummary[] = [];
  for (const repetition of [...repetitions].sort((a, b) => a - b)) {
    const stored = await run.readSummary(plan.id, point, repetition);
    const paths = run.paths.measurement(plan.id, point, repetition);
    if (!stored.found) {
      const state = begun.includes(repetition) ? "was begun and not finished" : "is not measured";
      incomplete.push(
        stored.missing
          ? `${shown(run, paths.folder)} ${state}`
          : `${shown(run, paths.summary)} ${stored.why}`,
      );
    } else if (specHash !== undefined && stored.value.specHash !== specHash) {
      incomplete.push(
        `${shown(run, paths.folder)} was measured on a server set up otherwise than the last one`,
      );
    } else {
      summaries.push(stored.value);
    }
  }
  return summaries;
}

/** Of a point that is in no plan: of a search for the capacity, or of a sweep that chose its points itself. */
function blockOf(plan: CellPlan, point: string): string {
  const search = plan.capacitySearches?.find(({ id }) => point.startsWith(`${id}-`));
  return search === undefined ? "sweep" : search.block;
}

async function assemblePoint(
  run: RunFolder,
  block: string,
  price: CellPlan["price"],
  summaries: readonly MeasurementSummary[],
  openRecords: OpenRecords,
  incomplete: string[],
): Promise<PointResult> {
  const first = summaries[0] as MeasurementSummary;
  const usable = summaries.filter(isUsable);
  const samples: Sample[] = [];
  for (const summary of usable) {
    const sample = await readRecordsOf(run, summary, openRecords);
    if (typeof sample === "string") incomplete.push(sample);
    else samples.push(sample);
  }
  // One measurement's metrics are in its summary already; they also stand in where no records can be read.
  const metrics =
    samples.length > 0 && usable.length > 1
      ? mergeErrorBars(
          computeMetrics(samples, run.record.plan.slos, first.seed),
          usable.map((summary) => summary.metrics),
        )
      : (usable[0]?.metrics ?? null);
  const point: PointResult = {
    id: first.point,
    block,
    load: first.load,
    requests: addRequests(usable.length > 0 ? usable : summaries),
    metrics,
    verdict: judgePoint(first.load, summaries, metrics),
    ...(price === undefined || metrics === null ? {} : { cost: costOf(price, metrics) }),
    measurements: summaries.map(measurementOf),
  };
  if (samples.length > 0) {
    // As the headline: where requests arrive at a rate, from the time at which each was due.
    const ttft = first.load.arrival === "closed" ? ttftMs : userTtftMs;
    point.distributions = {
      ttft: binValues(latencyValues(samples, ttft).values),
      tpot: binValues(latencyValues(samples, tpotMs).values),
    };
  }
  return point;
}

/** A measurement's sample, or why there is none. */
async function readRecordsOf(
  run: RunFolder,
  summary: MeasurementSummary,
  openRecords: OpenRecords,
): Promise<Sample | string> {
  const { records: path } = run.paths.measurement(summary.cell, summary.point, summary.repetition);
  const { planned: _planned, ...ends } = summary.requests;
  const expected = Object.values(ends).reduce((sum, count) => sum + count, 0);
  try {
    const opened = await openRecords(path);
    const { header } = opened;
    // What is opened is always read to its end, or the file would stay open.
    let next: Awaited<ReturnType<OpenRecords>> | undefined = opened;
    const source = async function* (): AsyncGenerator<RequestRecord> {
      const { records } = next ?? (await openRecords(path));
      next = undefined;
      yield* records;
    };
    const sample = await readSample(source, header.load, header.dialect?.endTokenCounted ?? false);
    if (sample.table.count === expected) return sample;
    return `${shown(run, path)} holds ${sample.table.count} of ${expected} requests; the point's metrics leave it out`;
  } catch (error) {
    return `${shown(run, path)} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function measurementOf(summary: MeasurementSummary): MeasurementResult {
  return {
    repetition: summary.repetition,
    deployment: summary.deployment,
    instance: summary.instance,
    seed: summary.seed,
    requests: summary.requests,
    metrics: summary.metrics,
    verdict: summary.verdict,
    ...(summary.ending === undefined ? {} : { ending: summary.ending }),
    ...(summary.instrument === undefined ? {} : { instrument: summary.instrument }),
    ...(summary.server === undefined ? {} : { server: summary.server }),
  };
}

function addRequests(summaries: readonly MeasurementSummary[]): RequestCounts {
  const sum: RequestCounts = { planned: 0, ok: 0, failed: 0, timedOut: 0, cancelled: 0 };
  for (const { requests } of summaries) {
    for (const key of Object.keys(sum) as (keyof RequestCounts)[]) sum[key] += requests[key];
  }
  return sum;
}

function shown(run: RunFolder, path: string): string {
  return relative(run.path, path);
}
