import { rmdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { version } from "../version.ts";
import { type BringOptions, bringFile } from "./bring-file.ts";
import { type ChosenFile, chooseFiles } from "./choose-files.ts";
import type { Asked } from "./hub-error.ts";
import { createMeter, inBytes, type Meter } from "./meter.ts";
import { checkSpace, finishFolder, prepareFolder } from "./model-folder.ts";
import { type ModelRecord, partialsName, type RecordedFile } from "./model-record.ts";
import { readRepository } from "./repository.ts";
import { type Pause, pauseForReal, persist } from "./trouble.ts";
import { createHubClient } from "./undici-client.ts";
import { type LockTimes, withWriterLock } from "./writer-lock.ts";

export interface FetchModelOptions {
  /** `owner/name`. */
  readonly repo: string;
  readonly folder: string;
  /** Branch, tag or commit; `main` where left out. */
  readonly revision?: string | undefined;
  /** Address of a hub; HF_ENDPOINT where left out, else https://huggingface.co. */
  readonly endpoint?: string | undefined;
  /** Environment variable that holds a token; HF_TOKEN where left out, and then it may be unset. */
  readonly tokenEnv?: string | undefined;
  /** Patterns of the files wanted, in place of the usual choice. */
  readonly include?: readonly string[] | undefined;
  /**
   * Which files of a model that is there are read for their checksum: all (where left out), or those whose size or time
   * is not what it was when they were last right.
   */
  readonly check?: "all" | "changed" | undefined;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  /** What happens, a line each. */
  readonly report: (line: string) => void;
  /** Called every some seconds while bytes move: bytes that are there, of all. */
  readonly onProgress?: (done: number, of: number) => void;
  readonly pause?: Pause;
  readonly lockTimes?: LockTimes;
  readonly progressMs?: number;
}

export interface FetchedModel {
  readonly repo: string;
  readonly commit: string;
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
  /** Of them, what came over the network this time. */
  readonly receivedBytes: number;
}

const filesAtOnce = 4;

/**
 * Brings a model from a hub to a folder: goes on where an earlier call stopped, checks every file by checksum, and
 * writes SHA256SUMS and llmbench-model.json when all are there. Called again, it checks and fetches nothing.
 * Throws HUB_*, MODEL_FOLDER_*, USAGE, INTERRUPTED.
 */
export async function fetchModel(options: FetchModelOptions): Promise<FetchedModel> {
  const { signal, report, pause = pauseForReal } = options;
  const { asked, token } = readSettings(options);
  const folder = resolve(options.folder);
  const client = createHubClient({ endpoint: asked.endpoint, token });
  try {
    const { commit, files } = await persist(() => readRepository(client, asked, signal), {
      report,
      pause,
      signal,
    });
    const wanted = chooseFiles(files, options.include, asked.repo);
    const partials = join(folder, partialsName);
    try {
      return await withWriterLock(
        join(partials, "lock"),
        { report, signal, ...(options.lockTimes !== undefined && { times: options.lockTimes }) },
        async (held) => {
          const { chosen, known } = await prepareFolder(folder, { repo: asked.repo, commit, files, wanted });
          const bytes = chosen.reduce((sum, { size }) => sum + size, 0);
          const of = `${chosen.length} of ${files.length} files, ${inBytes(bytes)}`;
          report(`${asked.repo} at ${commit.slice(0, 12)}: ${of}`);
          await checkSpace(folder, chosen);
          const meter = createMeter(bytes);
          const trusted = options.check === "changed" ? known : new Map<string, RecordedFile>();
          const bring = { client, asked, commit, folder, partials, trusted, meter, report, pause };
          const brought = await withProgress(options, meter, bytes, () => bringAll(chosen, bring, held));
          await finishFolder(folder, { ...describe(asked, commit), files: brought }, report);
          const { receivedBytes } = meter;
          return { repo: asked.repo, commit, folder, files: brought.length, bytes, receivedBytes };
        },
      );
    } finally {
      await rmdir(partials).catch(() => undefined); // not empty where something is left to do, or another has come
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new LlmbenchError("INTERRUPTED", `stopped before ${asked.repo} was whole`, {
      exitStatus: ExitStatus.interrupted,
      hint: "What was fetched is kept: the same command goes on from there.",
    });
  } finally {
    await client.close();
  }
}

function readSettings(options: FetchModelOptions): { asked: Asked; token: string | undefined } {
  const env = options.env ?? process.env;
  const { repo, revision = "main" } = options;
  if (!/^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/.test(repo)) {
    throw usage(`"${repo}" is no name of a model`, "write it as on the hub: owner/name");
  }
  const endpoint = (options.endpoint ?? (env["HF_ENDPOINT"] || "https://huggingface.co")).replace(/\/+$/, "");
  if (!/^https?:\/\/[^/]/.test(endpoint) || !URL.canParse(endpoint)) {
    throw usage(`"${endpoint}" is no address of a hub`, "for example https://huggingface.co");
  }
  const tokenName = options.tokenEnv ?? "HF_TOKEN";
  // A secret that was made from a file often ends in a line break.
  const token = env[tokenName]?.trim() || undefined;
  if (token === undefined && options.tokenEnv !== undefined) {
    throw usage(
      `the environment variable ${tokenName} is not set`,
      `export ${tokenName}=…, or leave it out; in a workflow it comes from a Secret that \`cluster.secrets\` names: is it there, with that key?`,
    );
  }
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw usage(
      `what is in ${tokenName} cannot be a token`,
      "it has a space or a character that no token has",
    );
  }
  return { asked: { endpoint, repo, revision, tokenName, hasToken: token !== undefined }, token };
}

function usage(message: string, hint: string): LlmbenchError {
  return new LlmbenchError("USAGE", message, { exitStatus: ExitStatus.usage, hint });
}

function describe({ repo, revision, endpoint }: Asked, commit: string): Omit<ModelRecord, "files"> {
  return {
    schemaVersion: 1,
    repo,
    revision,
    commit,
    endpoint,
    fetchedAt: new Date().toISOString(),
    llmbenchVersion: version,
  };
}

/** Several at once, the largest first. The first failure stops the others; what they have so far stays. */
async function bringAll(
  chosen: readonly ChosenFile[],
  options: Omit<BringOptions, "signal">,
  signal: AbortSignal,
): Promise<RecordedFile[]> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const queue = groupAlike(chosen);
  const brought: RecordedFile[] = [];
  let failure: { error: unknown } | undefined;
  async function work(): Promise<void> {
    try {
      for (let group = queue.shift(); group !== undefined; group = queue.shift()) {
        for (const file of group) {
          either.throwIfAborted();
          brought.push(await bringFile(file, { ...options, signal: either }));
        }
      }
    } catch (error) {
      failure ??= { error: signal.aborted ? signal.reason : error };
      failed.abort();
    }
  }
  await Promise.all(Array.from({ length: filesAtOnce }, work));
  if (failure !== undefined) throw failure.error;
  return brought.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Files with the same bytes have the same partial file: they come one after the other. */
function groupAlike(chosen: readonly ChosenFile[]): ChosenFile[][] {
  const groups = new Map<string, ChosenFile[]>();
  for (const file of [...chosen].sort((a, b) => b.size - a.size)) {
    const group = groups.get(file.digest.hex);
    if (group === undefined) groups.set(file.digest.hex, [file]);
    else group.push(file);
  }
  return [...groups.values()];
}

async function withProgress<T>(
  { report, onProgress, progressMs = 10_000 }: FetchModelOptions,
  meter: Meter,
  total: number,
  action: () => Promise<T>,
): Promise<T> {
  const timer = setInterval(() => {
    report(meter.line());
    onProgress?.(meter.done, total);
  }, progressMs);
  onProgress?.(meter.done, total);
  try {
    const result = await action();
    onProgress?.(total, total);
    return result;
  } finally {
    clearInterval(timer);
  }
}
