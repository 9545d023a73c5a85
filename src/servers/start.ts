import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, mkdirSync, openSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import { LlmbenchError } from "../error.ts";
import { createMasker } from "../mask.ts";
import { findProgram } from "./find-program.ts";
import { tokenVariable } from "./members.ts";
import { bootId, type ProcessIdentity, readProcess } from "./process-table.ts";
import type { Registry, RegistryEntry } from "./registry.ts";
import { secretValues } from "./secrets.ts";
import type { ServerSpec } from "./server.ts";

export interface StartOptions {
  readonly port: number;
  readonly logPath: string;
  readonly owner: ProcessIdentity;
  readonly deployedAtMs: number;
  readonly nowMs: () => number;
  readonly restarts: number;
}

/**
 * The shell waits for a word before it becomes the server: the server runs only once it is written down, and not at
 * all when llmbench dies before that.
 */
const launcher = 'read -r word || exit 97; exec "$@" < /dev/null';

/**
 * Starts the process of a spec in a session and process group of its own, its output in a log file.
 * Throws SERVER_COMMAND_NOT_FOUND, SERVER_FOLDER_NOT_FOUND or SERVER_START_FAILED.
 */
export function startProcess(
  spec: ServerSpec,
  registry: Registry,
  options: StartOptions,
): { entry: RegistryEntry; child: ChildProcess } {
  const fill = (word: string) =>
    word.replaceAll("{port}", `${options.port}`).replaceAll("{host}", "127.0.0.1");
  const command = spec.command.map(fill);
  const env = Object.fromEntries(Object.entries(spec.env).map(([name, value]) => [name, fill(value)]));
  const program = checkCommand(spec);

  mkdirSync(dirname(options.logPath), { recursive: true });
  const log = openSync(options.logPath, "a");
  const token = randomBytes(16).toString("hex");
  let child: ChildProcess | undefined;
  try {
    child = spawn("/bin/sh", ["-c", launcher, "llmbench", program, ...command.slice(1)], {
      detached: true,
      cwd: spec.cwd,
      env: { ...inherited(spec), ...env, [tokenVariable]: token },
      stdio: ["pipe", log, log],
    });
    child.on("error", () => {}); // told by the missing pid below
    const started = child.pid === undefined ? undefined : readProcess(child.pid);
    if (started === undefined) throw startFailed(spec);
    const mask = createMasker(secretValues(spec)).text;
    const entry: RegistryEntry = {
      schemaVersion: 1,
      runId: spec.runId,
      cellId: spec.cellId,
      specHash: spec.specHash,
      instance: `${started.pid}-${token.slice(0, 8)}`,
      token,
      host: hostname(),
      bootId: bootId(),
      process: { pid: started.pid, started: started.started },
      members: [],
      owner: options.owner,
      command: command.map((word) => mask(word)),
      port: options.port,
      logPath: resolve(options.logPath),
      logOffset: fstatSync(log).size,
      stopTimeoutSeconds: spec.stopTimeoutSeconds,
      deployedAtMs: options.deployedAtMs,
      startedAtMs: options.nowMs(),
      restarts: options.restarts,
    };
    registry.write(entry);
    child.stdin?.on("error", () => {}); // it may have exited already
    child.stdin?.end("go\n");
    child.unref();
    return { entry, child };
  } catch (error) {
    child?.stdin?.destroy(); // the word never comes
    throw error;
  } finally {
    closeSync(log);
  }
}

function inherited({ withoutEnv = [] }: ServerSpec): NodeJS.ProcessEnv {
  const without = new Set(withoutEnv);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !without.has(name)));
}

function startFailed(spec: ServerSpec): LlmbenchError {
  return new LlmbenchError("SERVER_START_FAILED", `The server of ${spec.cellId} could not be started.`, {
    hint: "The system refused a new process: see `ulimit -u` and the free memory.",
  });
}

/**
 * The program that a spec starts, as it will be found. Throws SERVER_COMMAND_NOT_FOUND or SERVER_FOLDER_NOT_FOUND: asked
 * before anything is started, so that the message is clear.
 */
export function checkCommand(spec: Pick<ServerSpec, "command" | "env" | "cwd" | "cellId">): string {
  checkFolder(spec);
  const name = spec.command[0] ?? "";
  const program = findProgram(name, { PATH: process.env["PATH"], ...spec.env }, spec.cwd);
  if (program === undefined) throw commandNotFound(spec.cellId, name);
  return program;
}

function checkFolder({ cwd, cellId }: Pick<ServerSpec, "cwd" | "cellId">): void {
  if (cwd === undefined || statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new LlmbenchError(
    "SERVER_FOLDER_NOT_FOUND",
    `The folder to start ${cellId} in is not there: ${cwd}`,
    {
      hint: "Correct `process.cwd` (or `process.checkout`) in the config.",
    },
  );
}

function commandNotFound(cell: string, name: string): LlmbenchError {
  return new LlmbenchError("SERVER_COMMAND_NOT_FOUND", `${cell}: the command "${name}" was not found.`, {
    hint: name.includes("/")
      ? "Check the path, and that the file may be executed."
      : "Check `process.command`, or that its folder is on PATH. `llmbench engines` lists what can run here.",
  });
}
