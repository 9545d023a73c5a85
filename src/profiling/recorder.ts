import type { Writable } from "node:stream";
import { LlmbenchError } from "../error.ts";
import type { GpuTimeline } from "../results/schema/profile.ts";
import { GpuTrace } from "./gpu-timeline.ts";
import { importWords, sessionState, sessionsWords, startWords, statsWords, stopWords } from "./nsys-words.ts";
import { cutTable, gpuTraceNames, type StatsReport, statsReports } from "./tables.ts";

/** Runs a command where the server runs, to its end. */
export type Exec = (
  words: readonly string[],
  options: { readonly stdout?: Writable; readonly signal: AbortSignal },
) => Promise<{ readonly exitStatus: number; readonly stdout: string; readonly stderr: string }>;

export interface RecorderOptions {
  readonly exec: Exec;
  readonly nsys: string;
  readonly session: string;
  /** Variables that nsys itself must not see either: it writes its own environment into the raw recording. */
  readonly withoutEnv: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * Records a server that runs under `nsys launch`. All of nsys's files lie in a folder of its own on the disk where the
 * server runs: SQLite, which its statistics go through, fails on file systems without locks. nsys exits 0 whatever
 * happens, so what it made is looked at instead.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  #folder: string | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Of nsys, as it says it: `2024.6.2.225-…`. Throws PROFILER_NOT_FOUND. */
  async version(): Promise<string> {
    const { nsys } = this.#options;
    const { exitStatus, stdout, stderr } = await this.#run([nsys, "--version"]);
    const version = /version\s+(\S+)/.exec(stdout)?.[1];
    if (exitStatus === 0 && version !== undefined) return version;
    throw profilerNotFound(nsys, lastLines(stderr));
  }

  /** Throws PROFILE_NOT_STARTED when nsys does not record this server. */
  async start(): Promise<void> {
    const { nsys, session } = this.#options;
    const made = await this.#run(["mktemp", "-d", "-t", "llmbench-profile.XXXXXX"]);
    this.#folder = made.stdout.trim();
    if (made.exitStatus !== 0 || this.#folder === "") {
      throw notStarted("it has no folder for temporary files", [made]);
    }
    const before = sessionState((await this.#run(sessionsWords(nsys))).stdout, session);
    // Without a session `nsys start` would wait for a server of its own, and exit 0.
    if (before === undefined) throw notStarted(`there is no session "${session}"`, []);
    const started = await this.#run(startWords(nsys, session, this.#file("server")));
    const after = sessionState((await this.#run(sessionsWords(nsys))).stdout, session);
    if (started.exitStatus !== 0 || after === undefined || after === before) {
      throw notStarted(`its session is "${after ?? "gone"}" after nsys start`, [started]);
    }
  }

  /** Ends the recording. Resolves when the report is on the server's disk; throws PROFILE_NOT_WRITTEN when none is. */
  async stop(): Promise<void> {
    const { nsys, session } = this.#options;
    const stopped = await this.#run(stopWords(nsys, session));
    const report = this.#report();
    if (await this.#isThere(report)) return;
    const raw = this.#file("server.qdstrm");
    if (!(await this.#isThere(raw))) throw notWritten("nsys stop left no report", [stopped]);
    const imported = await this.#run(importWords(nsys, raw, report));
    if (!(await this.#isThere(report)))
      throw notWritten("only raw data was written, and it could not be imported", [stopped, imported]);
  }

  /** Summaries as CSV, by our names; those of which the recording has nothing are left out. */
  async tables(): Promise<Map<StatsReport["id"], string>> {
    const tables = new Map<StatsReport["id"], string>();
    for (const { id, names } of statsReports) {
      const said = await this.#stats(names);
      const table = cutTable(said);
      if (table !== undefined) tables.set(id, table);
      else if (!hasNothing(said)) {
        throw new LlmbenchError("PROFILE_UNREADABLE", `nsys stats made no ${id} of the recording`, {
          hint: "nsys that reads must be as new as the one that recorded; both come from the same place here",
          details: lastLines(said),
        });
      }
    }
    return tables;
  }

  /** Busy time of each GPU; empty where nothing ran on one. */
  async timelines(): Promise<GpuTimeline[]> {
    const trace = new GpuTrace();
    await this.#stats(gpuTraceNames, trace);
    await new Promise<void>((resolve, reject) => {
      trace.once("error", reject);
      trace.end(resolve);
    });
    return trace.timelines();
  }

  /** Pours the .nsys-rep. */
  async copyReport(to: Writable): Promise<void> {
    const copied = await this.#run(["cat", this.#report()], to);
    if (copied.exitStatus !== 0) throw notWritten("the report could not be copied from the server", [copied]);
  }

  /** Pours what nsys's statistics went through: what is compressed in the report stands there as it is. */
  async copyDatabase(to: Writable): Promise<void> {
    await this.#run(["cat", this.#file("server.sqlite")], to);
  }

  /** Removes nsys's files from the server's disk. Never rejects: the server goes, and its disk with it. */
  async clean(): Promise<void> {
    if (this.#folder !== undefined) await this.#run(["rm", "-rf", this.#folder]).catch(() => undefined);
    this.#folder = undefined;
  }

  /** What `nsys stats` prints of the first of these reports that it knows. */
  async #stats(names: readonly string[], sink?: Writable): Promise<string> {
    const { nsys } = this.#options;
    let said = "";
    for (const name of names) {
      const { stdout, stderr } = await this.#run(statsWords(nsys, name, this.#report()), sink);
      said = `${stdout}\n${stderr}`;
      if (!/could not be found/i.test(said)) return said;
    }
    return said;
  }

  async #isThere(file: string): Promise<boolean> {
    return (await this.#run(["test", "-s", file])).exitStatus === 0;
  }

  #report(): string {
    return this.#file("server.nsys-rep");
  }

  #file(name: string): string {
    return `${this.#folder ?? ""}/${name}`;
  }

  #run(words: readonly string[], stdout?: Writable) {
    const { exec, withoutEnv, signal } = this.#options;
    // Numbers with decimal points, whatever the locale there.
    const env = ["env", ...withoutEnv.flatMap((name) => ["-u", name]), "LC_ALL=C"];
    return exec([...env, ...words], { signal, ...(stdout === undefined ? {} : { stdout }) });
  }
}

/** nsys says so where a recording has no data for a report. */
function hasNothing(said: string): boolean {
  return /SKIPPED|does not contain|could not be found/i.test(said);
}

/** `nsys`: the program as it was looked for. */
export function profilerNotFound(nsys: string, details: readonly string[] = []): LlmbenchError {
  return new LlmbenchError(
    "PROFILER_NOT_FOUND",
    `Nsight Systems is not where it is looked for: there is no "${nsys}"`,
    {
      hint: "install it (docs/profiling.md says where it comes from), or say where it is with `profiling.nsys`; without `profiling` in the config nothing is profiled",
      details,
    },
  );
}

/** For a server that stands already: nsys has to start what it records. */
export function profilingNotPossible(): LlmbenchError {
  return new LlmbenchError("PROFILE_NOT_POSSIBLE", "a server that stands already cannot be profiled", {
    hint: "nsys has to start the server itself: let llmbench start it, or leave out `profiling`",
  });
}

interface Said {
  readonly stdout: string;
  readonly stderr: string;
}

function notStarted(why: string, said: readonly Said[]): LlmbenchError {
  return new LlmbenchError("PROFILE_NOT_STARTED", `nsys did not start to record: ${why}`, {
    hint: "the server's log has what nsys launch said; docs/profiling.md lists what nsys needs",
    details: said.flatMap(({ stdout, stderr }) => lastLines(`${stdout}\n${stderr}`)),
  });
}

function notWritten(why: string, said: readonly Said[]): LlmbenchError {
  return new LlmbenchError("PROFILE_NOT_WRITTEN", `there is no profile: ${why}`, {
    hint: "look for space in the server's folder for temporary files, and that the whole of Nsight Systems is installed, not its target part alone",
    details: said.flatMap(({ stdout, stderr }) => lastLines(`${stdout}\n${stderr}`)),
  });
}

function lastLines(text: string): string[] {
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  return lines.slice(-6).map((line) => `| ${line.trim()}`);
}
