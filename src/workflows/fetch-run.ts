import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { nearest } from "../config/nearest.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { listScript, sendScript } from "./pod-scripts.ts";
import { receiveFiles } from "./receive-files.ts";
import { type ResultsPod, resultsMount } from "./results-pod.ts";

export interface FetchOptions {
  readonly run: string;
  /** Folder that gets the run's files. */
  readonly to: string;
  /** results.json and the report alone, with run.json, without which no run can be opened. */
  readonly onlyResults: boolean;
  readonly progress: (done: Amount, of: Amount) => void;
  readonly signal: AbortSignal;
  /** Before each new attempt in a row that brought nothing, ms. */
  readonly pausesMs?: readonly number[];
}

interface Amount {
  readonly files: number;
  readonly bytes: number;
}

export interface Fetched extends Amount {
  /** Files that were here already as they are on the share. */
  readonly kept: number;
}

interface RemoteFile {
  readonly name: string;
  readonly size: number;
  readonly mtimeMs: number;
}

const Listing = z.object({
  files: z.array(z.tuple([z.string(), z.number(), z.number()])),
  runs: z.array(z.string()),
});

/** One call brings at most this much: what came is kept when the connection breaks. */
const batchBytes = 32 << 20;
/** Names travel in the address of the call, which proxies keep short. */
const batchNames = 4000;
const standingPausesMs = [500, 1000, 2000, 4000, 8000];

/**
 * Brings the files of a run that are not here yet, or are other than on the share. A connection that breaks is taken up
 * again. Throws FETCH_OTHER_RUN where another run lies in the folder, RUN_NOT_FOUND, FETCH_BROKEN.
 */
export async function fetchRun(pod: ResultsPod, options: FetchOptions): Promise<Fetched> {
  const { run, to, progress, signal, pausesMs = standingPausesMs } = options;
  const all = await listRun(pod, run);
  const wanted = options.onlyResults ? all.filter(({ name }) => isResult(name)) : all;
  await checkFolder(pod, options);
  const here = await Promise.all(wanted.map((file) => isHere(to, file)));
  let missing = wanted.filter((_, at) => !here[at]);
  const of = amountOf(missing);
  const done = { files: 0, bytes: 0 };
  progress(done, of);
  for (let failures = 0; missing.length > 0; ) {
    signal.throwIfAborted();
    const batch = batchOf(missing);
    const came = new Set<string>();
    const failure = await send(pod, options, batch, (name, bytes) => {
      came.add(name);
      done.files += 1;
      done.bytes += bytes;
      progress(done, of);
    });
    if (came.size > 0) failures = 0;
    // What was asked for and did not come although nothing failed is gone from the share.
    const over = failure === undefined ? new Set(batch) : came;
    missing = missing.filter(({ name }) => !over.has(name));
    if (failure === undefined) continue;
    const pause = pausesMs[failures];
    failures += 1;
    if (pause === undefined) throw failure;
    await sleep(pause, undefined, { signal });
  }
  return { ...done, kept: wanted.length - of.files };
}

/** Every file of a run on the share. Throws RUN_NOT_FOUND with the nearest name. */
async function listRun(pod: ResultsPod, run: string): Promise<RemoteFile[]> {
  const { stdout, stderr, exitStatus } = await pod.exec(["node", "-e", listScript, resultsMount, run]);
  if (exitStatus !== 0) throw unreadable(run, stderr);
  const { files, runs } = Listing.parse(JSON.parse(stdout));
  const listed = files.map(([name, size, mtimeMs]) => ({ name, size, mtimeMs }));
  const odd = listed.find(({ name }) => !isInside(name));
  if (odd !== undefined)
    throw unreadable(run, `the name ${JSON.stringify(odd.name)} leads out of its folder`);
  if (listed.length > 0) return listed;
  const near = nearest(run, runs);
  throw new LlmbenchError("RUN_NOT_FOUND", `There is no run "${run}" on the results share.`, {
    exitStatus: ExitStatus.usage,
    hint:
      near === undefined
        ? "Its step prepare makes the folder: before that there is nothing."
        : `Did you mean ${near}?`,
    details: runs.slice(-5).map((name) => `There is: ${name}`),
  });
}

const isInside = (name: string): boolean =>
  !name.startsWith("/") && !name.includes("\\") && name.split("/").every((part) => !/^\.{0,2}$/.test(part));

const isResult = (name: string): boolean =>
  name === "run.json" || name === "results.json" || name.startsWith("report/");

function unreadable(run: string, why: string): LlmbenchError {
  return new LlmbenchError("FETCH_BROKEN", `The files of ${run} cannot be listed: ${why.trim()}`, {
    hint: "See that the results share is mounted and readable for the user of the steps.",
  });
}

/** A folder that holds another run is left alone. */
async function checkFolder(pod: ResultsPod, { run, to }: FetchOptions): Promise<void> {
  const here = await readFile(join(to, "run.json"), "utf8").catch(() => undefined);
  if (here === undefined) return;
  const path = `${resultsMount}/${run}/run.json`;
  const print = "process.stdout.write(require('fs').readFileSync(process.argv[1]))";
  const { stdout } = await pod.exec(["node", "-e", print, path]);
  if (stdout === here) return;
  throw new LlmbenchError("FETCH_OTHER_RUN", `${to} holds another run.`, {
    exitStatus: ExitStatus.usage,
    hint: "Name another folder: --to DIR",
  });
}

async function isHere(to: string, { name, size, mtimeMs }: RemoteFile): Promise<boolean> {
  const found = await stat(join(to, name)).catch(() => undefined);
  // File systems keep times to the millisecond or better; some to two seconds only, and then it comes again.
  return found?.size === size && Math.abs(found.mtimeMs - mtimeMs) <= 1;
}

function batchOf(missing: readonly RemoteFile[]): string[] {
  const names: string[] = [];
  let bytes = 0;
  let letters = 0;
  for (const { name, size } of missing) {
    bytes += size;
    letters += encodeURIComponent(JSON.stringify(name)).length + 3;
    if (names.length > 0 && (bytes > batchBytes || letters > batchNames)) break;
    names.push(name);
  }
  return names;
}

/**
 * Resolves with what went wrong on the way, if anything did: what came before is kept, and the rest may be asked for
 * again. Rejects where this machine is at fault.
 */
async function send(
  pod: ResultsPod,
  { run, to, signal }: FetchOptions,
  names: readonly string[],
  received: (name: string, bytes: number) => void,
): Promise<LlmbenchError | undefined> {
  const words = ["node", "-e", sendScript, `${resultsMount}/${run}`, JSON.stringify(names)];
  const bytes = new PassThrough();
  const over = new AbortController();
  const taken = receiveFiles(bytes, to, names, received).catch((error: unknown) => over.abort(error));
  try {
    const { exitStatus, stderr } = await pod.exec(words, {
      stdout: bytes,
      signal: AbortSignal.any([signal, over.signal]),
    });
    bytes.end();
    await taken;
    over.signal.throwIfAborted();
    return exitStatus === 0 ? undefined : unreadable(run, stderr);
  } catch (error) {
    bytes.destroy();
    await taken;
    signal.throwIfAborted();
    if (error instanceof LlmbenchError) return error;
    throw error;
  }
}

function amountOf(files: readonly RemoteFile[]): Amount {
  return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}
