import { type Dirent, existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { FailOn, PointPlan } from "../config/plan.ts";
import { LlmbenchError } from "../error.ts";
import { moveAside } from "./move-aside.ts";
import { checkName, type DeploymentPaths, isName, type MeasurementPaths, RunPaths } from "./run-paths.ts";
import { Results } from "./schema/results.ts";
import { RunRecord } from "./schema/run.ts";
import { ServerRecord } from "./schema/server.ts";
import { ServerSeries } from "./schema/server-series.ts";
import { CellStatus } from "./schema/status.ts";
import { MeasurementSummary } from "./schema/summary.ts";
import { WarmupRecord } from "./schema/warmup.ts";
import {
  diskFiles,
  errorCode,
  type Files,
  readStored,
  type Stored,
  storeJson,
  writeError,
} from "./stored-json.ts";
import { isFinished } from "./verdict.ts";

/**
 * A run on disk: the only place where state lives. Writes are whole or not at all and throw LlmbenchError
 * RUN_FOLDER_FULL or RUN_FOLDER_UNWRITABLE; reads never throw because of one bad file, they say what is wrong with it.
 */
export class RunFolder {
  readonly path: string;
  readonly record: RunRecord;
  readonly paths: RunPaths;
  readonly #files: Files;

  constructor(path: string, record: RunRecord, files: Files = diskFiles) {
    this.path = path;
    this.record = record;
    this.paths = new RunPaths(path);
    this.#files = files;
  }

  get id(): string {
    return this.record.id;
  }

  /** Cells that have a folder, in the plan's order, then others by name. */
  async listCells(): Promise<string[]> {
    const found = await listFolders(this.paths.cells);
    const planned = this.record.plan.cells.map((cell) => cell.id);
    return [
      ...planned.filter((cell) => found.includes(cell)),
      ...found.filter((cell) => !planned.includes(cell)),
    ];
  }

  writeStatus(status: CellStatus): Promise<void> {
    return this.#replace(this.paths.status(status.cell), CellStatus.parse(status));
  }

  readStatus(cell: string): Promise<Stored<CellStatus>> {
    return readStored(this.paths.status(cell), CellStatus);
  }

  /** Numbers of a cell's deployments, in order. */
  listDeployments(cell: string): Promise<number[]> {
    return listNumbers(this.paths.deployments(cell));
  }

  /** Makes the folder of a cell's next deployment. */
  async addDeployment(cell: string): Promise<DeploymentPaths & { readonly deployment: number }> {
    const deployment = Math.max(0, ...(await this.listDeployments(cell))) + 1;
    const paths = this.paths.deployment(cell, deployment);
    await this.#makeFolder(paths.folder);
    return { ...paths, deployment };
  }

  /** Written when the server is ready and again when it is gone. The caller masks secrets. */
  writeServer(server: ServerRecord): Promise<void> {
    return this.#replace(
      this.paths.deployment(server.cell, server.deployment).server,
      ServerRecord.parse(server),
    );
  }

  readServer(cell: string, deployment: number): Promise<Stored<ServerRecord>> {
    return readStored(this.paths.deployment(cell, deployment).server, ServerRecord);
  }

  writeWarmup(cell: string, deployment: number, warmup: WarmupRecord): Promise<void> {
    return this.#replace(this.paths.deployment(cell, deployment).warmup, WarmupRecord.parse(warmup));
  }

  readWarmup(cell: string, deployment: number): Promise<Stored<WarmupRecord>> {
    return readStored(this.paths.deployment(cell, deployment).warmup, WarmupRecord);
  }

  /** Points of a cell that have a folder, by name. */
  listPoints(cell: string): Promise<string[]> {
    return listFolders(this.paths.points(cell));
  }

  /** Repetitions of a point that have a folder, in order. */
  listRepetitions(cell: string, point: string): Promise<number[]> {
    return listNumbers(this.paths.point(cell, point));
  }

  /**
   * Makes room for a measurement: what an earlier try left there moves to `attempt-<n>/` beside the new one. Call only
   * where `finishedMeasurement` found none. `attempt`: how many there were before.
   */
  async beginMeasurement(
    cell: string,
    point: string,
    repetition: number,
  ): Promise<MeasurementPaths & { readonly attempt: number }> {
    const paths = this.paths.measurement(cell, point, repetition);
    return { ...paths, attempt: await moveAside(paths.folder, this.#files) };
  }

  /** Writes what the server said of itself during a measurement that is not finished yet. */
  writeServerSeries(cell: string, point: string, repetition: number, series: ServerSeries): Promise<void> {
    return this.#replace(this.paths.measurement(cell, point, repetition).server, ServerSeries.parse(series));
  }

  /** Writes summary.json, which says that the measurement is whole; the records must be on disk before. */
  async finishMeasurement(summary: MeasurementSummary): Promise<void> {
    const { summary: path } = this.paths.measurement(summary.cell, summary.point, summary.repetition);
    if (existsSync(path)) {
      throw new LlmbenchError("RUN_FILE_FINISHED", `${path} is finished and is not written again.`, {
        hint: "Make room with a new attempt first.",
      });
    }
    await this.#replace(path, MeasurementSummary.parse(summary));
  }

  readSummary(cell: string, point: string, repetition: number): Promise<Stored<MeasurementSummary>> {
    return readStored(this.paths.measurement(cell, point, repetition).summary, MeasurementSummary);
  }

  /**
   * The summary of a measurement that need not be made again: whole, of the same server spec and load, its verdict not
   * in `failOn` (or not curable). Undefined where it must be made.
   */
  async finishedMeasurement(
    cell: string,
    point: Pick<PointPlan, "id" | "load">,
    repetition: number,
    asked: { readonly specHash: string; readonly failOn: FailOn },
  ): Promise<MeasurementSummary | undefined> {
    const stored = await this.readSummary(cell, point.id, repetition);
    if (!stored.found) return undefined;
    const same = stored.value.specHash === asked.specHash && isSameLoad(stored.value.load, point.load);
    return same && isFinished(stored.value, asked.failOn) ? stored.value : undefined;
  }

  writeResults(results: Results): Promise<void> {
    return this.#replace(this.paths.results, Results.parse(results));
  }

  readResults(): Promise<Stored<Results>> {
    return readStored(this.paths.results, Results);
  }

  #replace(path: string, value: unknown): Promise<void> {
    return storeJson(path, value, this.#files);
  }

  async #makeFolder(path: string): Promise<void> {
    await this.#files.mkdir(path).catch((error: unknown) => {
      throw writeError(error, path);
    });
  }
}

/** Makes the folder of a new run under `base` and writes run.json. Throws RUN_EXISTS, RUN_NAME_INVALID. */
export async function createRun(
  base: string,
  record: RunRecord,
  files: Files = diskFiles,
): Promise<RunFolder> {
  const path = resolve(base, checkName("run", record.id));
  const run = new RunFolder(path, RunRecord.parse(record), files);
  if (existsSync(run.paths.run)) {
    throw new LlmbenchError("RUN_EXISTS", `There is a run "${record.id}" in ${base} already.`, {
      hint: `Give the run another name, or go on with it: llmbench run --resume ${record.id}`,
    });
  }
  await storeJson(run.paths.run, run.record, files);
  return run;
}

/** Opens a run by its id under `base`, or by its path. Throws RUN_NOT_FOUND or RUN_UNREADABLE. */
export async function openRun(idOrPath: string, base: string, files: Files = diskFiles): Promise<RunFolder> {
  const isPath = isAbsolute(idOrPath) || /[/\\]/.test(idOrPath) || idOrPath === "." || idOrPath === "..";
  const asId = resolve(base, idOrPath);
  const asPath = resolve(idOrPath);
  const hasRun = (folder: string): boolean => existsSync(new RunPaths(folder).run);
  // Where neither is a run the message is about the id, the more likely meaning.
  const path = isPath || (!hasRun(asId) && hasRun(asPath)) ? asPath : asId;
  const stored = await readStored(new RunPaths(path).run, RunRecord);
  if (stored.found) return new RunFolder(path, stored.value, files);
  if (!stored.missing) {
    throw new LlmbenchError("RUN_UNREADABLE", `The run.json in ${path} ${stored.why}.`, {
      hint: "Without it nothing else of the run can be read.",
    });
  }
  const known = (await listFolders(base)).filter((name) => existsSync(new RunPaths(join(base, name)).run));
  throw new LlmbenchError("RUN_NOT_FOUND", `There is no run "${idOrPath}": no run.json in ${path}.`, {
    hint:
      known.length === 0
        ? `There are no runs in ${base}. Say where with --out, or give the path of the run's folder.`
        : "llmbench list shows all runs.",
    details: known.slice(-5).map((name) => `There is: ${name}`),
  });
}

/** All runs under `base`, oldest first, and the folders that cannot be read, with the reason. */
export async function listRuns(base: string): Promise<{ runs: RunFolder[]; unreadable: string[] }> {
  const runs: RunFolder[] = [];
  const unreadable: string[] = [];
  for (const name of await listFolders(base)) {
    const path = join(resolve(base), name);
    const stored = await readStored(new RunPaths(path).run, RunRecord);
    if (stored.found) runs.push(new RunFolder(path, stored.value));
    else if (!stored.missing) unreadable.push(`${name}/run.json ${stored.why}`);
  }
  runs.sort((a, b) => a.record.startedAt.localeCompare(b.record.startedAt) || a.id.localeCompare(b.id));
  return { runs, unreadable };
}

/** True where two loads ask for the same; keys that are undefined count as absent. */
function isSameLoad(a: object, b: object): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)));
}

async function listFolders(path: string): Promise<string[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return [];
    throw new LlmbenchError("RUN_UNREADABLE", `Cannot read ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  // Names that llmbench would not give are someone else's folders.
  return entries
    .filter((entry) => entry.isDirectory() && isName(entry.name))
    .map((entry) => entry.name)
    .sort();
}

async function listNumbers(path: string): Promise<number[]> {
  return (await listFolders(path))
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}
