import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { SimulatorProfile } from "../../src/config/plan.ts";
import { findProgram } from "../../src/servers/find-program.ts";
import { hasInEnvironment, listProcesses } from "../../src/servers/process-table.ts";
import { RegistryEntry } from "../../src/servers/registry.ts";
import type { Behaviour } from "../../src/simulator/options.ts";
import { instantProfile } from "../../src/simulator/profiles.ts";
import { programPath } from "../program/program.ts";

/** Every process that a test starts, and whatever those start, carries this in its environment. */
const marker = "LLMBENCH_FAULTS_TEST";
const openFilesAtExit = fileURLToPath(new URL("open-files-at-exit.mjs", import.meta.url));

export interface Ended {
  /** Exit status, or the signal that ended it. */
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** One llmbench that runs. */
interface Llmbench {
  readonly process: ChildProcess;
  /** Resolves once standard error holds this; rejects when it ends without. */
  says(what: RegExp): Promise<void>;
  /** Standard error so far. */
  stderr(): string;
  readonly ended: Promise<Ended>;
}

interface ConfigOptions {
  readonly profile?: Partial<SimulatorProfile>;
  readonly load?: object;
  readonly engine?: object;
  /** Variants by name in place of the one faulty engine. */
  readonly engines?: object;
  readonly model?: string;
  readonly failOn?: string;
}

/**
 * A folder with a config, whose server is the simulator with the faults that `behave` says at the time it starts, and
 * with llmbench to run on it, as a user does: processes, files, exit status.
 */
export class Playground {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "llmbench-faults-")));
  readonly #program: string;
  readonly #id: string;
  readonly #children: ChildProcess[] = [];

  static async make(): Promise<Playground> {
    return new Playground(await programPath());
  }

  private constructor(program: string) {
    this.#program = program;
    this.#id = this.folder;
    mkdirSync(join(this.folder, "model"));
    writeFileSync(join(this.folder, "model", "config.json"), '{"torch_dtype":"bfloat16"}');
    // Nothing but these is found on PATH: no engine of this machine.
    mkdirSync(join(this.folder, "bin"));
    for (const name of ["sh", "cat", "rm", "sleep", "ps", "sysctl"]) {
      const program = findProgram(name);
      if (program !== undefined) symlinkSync(program, join(this.folder, "bin", name));
    }
    symlinkSync(process.execPath, join(this.folder, "bin", "node"));
    this.behave({});
  }

  /** What the server will be like when it is started next. */
  behave(behaviour: Partial<Behaviour>): void {
    writeFileSync(this.#path("behaviour.json"), JSON.stringify(behaviour));
  }

  /** The port that the server takes whatever it is told; none: it does as it is told. */
  insistOnPort(port: number | undefined, when: "once" | "always" = "always"): void {
    for (const name of ["port-once", "port-always"]) rmSync(this.#path(name), { force: true });
    if (port !== undefined) writeFileSync(this.#path(`port-${when}`), `${port}`);
  }

  /** Writes the config: one server, two points of two requests each. `failOn: never`, for a busy machine fails no test. */
  configure(options: ConfigOptions = {}): void {
    const faulty = {
      kind: "vllm",
      stopTimeout: "5s",
      startTimeout: "20s",
      process: { command: this.serverCommand(options.profile) },
      ...options.engine,
    };
    const config = {
      engines: options.engines ?? { faulty },
      models: { tiny: { path: options.model ?? this.#path("model") } },
      load: {
        warmup: 1,
        blocks: [{ name: "a", outputTokens: [4, 8], requests: 2 }],
        ...options.load,
      },
      failOn: options.failOn ?? "never",
      errorBars: false,
    };
    // YAML takes JSON as it is.
    writeFileSync(this.#path("config.yaml"), JSON.stringify(config, null, 2));
  }

  serverCommand(profile: Partial<SimulatorProfile> = {}): readonly string[] {
    const full: SimulatorProfile = {
      ...instantProfile,
      loadMs: 20,
      prefillMs: 2,
      decodeMs: 2,
      ...profile,
    };
    const script = [
      `port=$(cat port-once 2>/dev/null || cat port-always 2>/dev/null || echo "$1")`,
      `rm -f port-once`,
      `exec node ${quoted(this.#program)} simulate --dialect vllm --model "$2" --port "$port" --profile ${quoted(JSON.stringify(full))} --behaviour "$(cat behaviour.json)"`,
    ].join("; ");
    return ["sh", "-c", script, "faulty-server", "{port}", "{name}"];
  }

  start(args: readonly string[], wrap: (command: readonly string[]) => readonly string[] = (same) => same) {
    const command = wrap([
      process.execPath,
      "--trace-warnings",
      "--import",
      openFilesAtExit,
      this.#program,
      ...args,
    ]);
    const child = spawn(command[0] ?? "", command.slice(1), {
      cwd: this.folder,
      env: {
        HOME: this.folder,
        PATH: join(this.folder, "bin"),
        LLMBENCH_CACHE: this.#path("cache"),
        LLMBENCH_OPEN_FILES: this.#path("open-files"),
        [marker]: this.#id,
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#children.push(child);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const ended = once(child, "close").then(([code, signal]) => ({
      status: (code as number | null) ?? (signal as string),
      stdout,
      stderr,
    }));
    const says = async (what: RegExp): Promise<void> => {
      while (!what.test(stderr)) {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`it ended without saying ${what}:\n${stderr}${stdout}`);
        await Promise.race([once(child.stderr, "data"), ended]);
      }
    };
    return { process: child, says, stderr: () => stderr, ended } satisfies Llmbench;
  }

  /** Runs llmbench to its end. Throws when a word of it is a stack or a warning of Node's. */
  async llmbench(...args: readonly string[]): Promise<Ended> {
    const ended = await this.start(args).ended;
    const unfit = /^\s+at |Warning:|INTERNAL|Closing file descriptor/m;
    if (unfit.test(ended.stderr + ended.stdout)) throw new Error(`not for a person:\n${ended.stderr}`);
    return ended;
  }

  /** The config as a new run with the id `r`. */
  async run(...more: readonly string[]): Promise<Ended> {
    return await this.llmbench("run", "config.yaml", "--id", "r", ...more);
  }

  /** Processes that were started here and still live. */
  processes(): number[] {
    const assignment = `${marker}=${this.#id}`;
    return listProcesses()
      .map(({ pid }) => pid)
      .filter((pid) => hasInEnvironment(pid, assignment));
  }

  /** Servers that are written down, by their files. */
  registered(): { readonly path: string; readonly entry: RegistryEntry }[] {
    const folder = this.#path("cache/servers");
    if (!existsSync(folder)) return [];
    return readdirSync(folder).map((name) => {
      const path = join(folder, name);
      return { path, entry: RegistryEntry.parse(JSON.parse(readFileSync(path, "utf8"))) };
    });
  }

  /** Files of this folder that an llmbench had open when it ended (Linux). */
  openFiles(): string[] {
    const path = this.#path("open-files");
    return existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
  }

  /** Finished measurements: when each was made, by its point. */
  measured(run = "r"): Record<string, string> {
    const points = this.#path(`runs/${run}/cells/faulty--tiny/points`);
    if (!existsSync(points)) return {};
    return Object.fromEntries(
      readdirSync(points)
        .map((point) => [point, join(points, point, "1", "summary.json")] as const)
        .filter(([, path]) => existsSync(path))
        .map(([point, path]) => [point, `${statSync(path).ino} ${startedAt(path)}`]),
    );
  }

  async remove(): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    for (const pid of this.processes()) process.kill(pid, "SIGKILL");
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      }),
    );
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #path(name: string): string {
    return join(this.folder, name);
  }
}

/** Nothing of ours runs, is written down as running, or was left open. */
export function expectTidy(here: Playground): void {
  expect(here.processes()).toEqual([]);
  expect(here.registered()).toEqual([]);
  expect(here.openFiles()).toEqual([]);
}

/**
 * What a user does after a fault: looks at what there is, then goes on. What was measured before is shown, and is
 * the same afterwards; the run is whole.
 */
export async function expectResumable(
  here: Playground,
  shown: {
    readonly status: string;
    readonly says?: RegExp;
    /** Points that are there and have to be measured again. */
    readonly again?: readonly string[];
  },
): Promise<Ended> {
  const before = here.measured();
  for (const point of shown.again ?? []) delete before[point];
  const [list, show] = await Promise.all([here.llmbench("list"), here.llmbench("show", "r")]);
  expect([list.status, show.status]).toEqual([0, 0]);
  expect(list.stdout).toMatch(new RegExp(`^r +\\S+ \\S+ +${shown.status} `, "m"));
  expect(show.stdout).toMatch(new RegExp(`^r · ${shown.status}`));
  for (const point of Object.keys(before)) {
    const tokens = /out(\d+)$/.exec(point)?.[1];
    expect(show.stdout).toContain(`concurrency 1, ${tokens} tokens out`);
  }
  if (shown.says !== undefined) expect(unwrapped(show.stdout)).toMatch(shown.says);

  here.behave({});
  const resumed = await here.llmbench("run", "--resume", "r");
  expect(resumed).toMatchObject({ status: 0 });
  expect(here.measured()).toMatchObject(before);
  expect(Object.keys(here.measured()).sort()).toEqual(["a-c1-out4", "a-c1-out8"]);
  expect(resumed.stdout).toMatch(/^\s*r · done/);
  expectTidy(here);
  return resumed;
}

/** Kills an llmbench in the middle of the second point; its server lives on, and this is its process. */
export async function killInTheMiddle(here: Playground): Promise<number> {
  here.configure();
  here.behave({ rules: [{ when: { from: 4 }, effects: { hang: { afterChunk: 2 } } }] });
  const llmbench = here.start(["run", "config.yaml", "--id", "r"]);
  await llmbench.says(/a-c1-out4 #1: /);
  llmbench.process.kill("SIGKILL");
  expect((await llmbench.ended).status).toBe("SIGKILL");
  const [left, ...others] = here.registered();
  expect(others).toEqual([]);
  const pid = left?.entry.process.pid ?? 0;
  expect(here.processes()).toEqual([pid]);
  return pid;
}

/** A run that failed says why, once, where, and what to do. */
export function expectFailure(run: Ended, code: string, says: RegExp): void {
  expect(run).toMatchObject({ status: 1 });
  expect(run.stderr).toMatch(says);
  expect(run.stderr.split(`(${code})`)).toHaveLength(2);
  expect(run.stderr.match(/^error: /gm)).toHaveLength(1);
  expect(run.stderr).toMatch(/^ *what to do: ./m);
}

/** Words of a text that was wrapped to the width of a terminal. */
export function unwrapped(text: string): string {
  return text.replace(/\s+/g, " ");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function startedAt(path: string): string {
  return (JSON.parse(readFileSync(path, "utf8")) as { startedAt: string }).startedAt;
}
