import type { ChildProcess } from "node:child_process";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { LlmbenchError } from "../error.ts";
import { createMasker } from "../mask.ts";
import type { Startup } from "../results/schema/server.ts";
import { registryFolder } from "./cache-folder.ts";
import { describeExit, type Exit, hintFor } from "./failure.ts";
import { readLastLines } from "./log-tail.ts";
import { findMembers } from "./members.ts";
import { findFreePort } from "./ports.ts";
import { isAlive, ownIdentity, type ProcessIdentity } from "./process-table.ts";
import { readUsage } from "./process-usage.ts";
import { PortTakenError, ReadinessWatch } from "./readiness.ts";
import { Registry, type RegistryEntry, type ServerKey } from "./registry.ts";
import { runBeside } from "./run-beside.ts";
import { secretValues } from "./secrets.ts";
import type {
  ExecOptions,
  ExecResult,
  RunningServer,
  ServerBackend,
  ServerSpec,
  ServerState,
  UsageLook,
} from "./server.ts";
import { startProcess } from "./start.ts";
import { killServer, stopServer } from "./stop.ts";

export interface ProcessBackendOptions {
  /** Where the output of a cell's server goes; asked at each start. */
  readonly logPath: (server: ServerKey) => string;
  /** Where servers are written down while they live; by default in the user's cache folder. */
  readonly registryFolder?: string;
  /** Wall clock that never goes back, ms since the epoch. */
  readonly nowMs?: () => number;
}

/** Tries of a start whose port somebody else took in between. */
const portAttempts = 3;

/** Servers as processes of this machine. */
export class ProcessBackend implements ServerBackend {
  readonly kind = "process";
  readonly #registry: Registry;
  readonly #logPath: ProcessBackendOptions["logPath"];
  readonly #nowMs: () => number;
  readonly #owner: ProcessIdentity = ownIdentity();
  readonly #secrets = new Set<string>();
  /** How a process ended, by instance: known only of those that this very llmbench started. */
  readonly #exits = new Map<string, Promise<Exit>>();
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(options: ProcessBackendOptions) {
    this.#registry = new Registry(options.registryFolder ?? registryFolder());
    this.#logPath = options.logPath;
    this.#nowMs = options.nowMs ?? (() => performance.timeOrigin + performance.now());
  }

  async ensure(spec: ServerSpec): Promise<RunningServer> {
    const deployedAtMs = this.#nowMs();
    for (const value of secretValues(spec)) this.#secrets.add(value);
    return await this.#oneAtATime(spec, async () => {
      const before = this.#registry.read(spec);
      if (before === undefined) return asRunning(await this.#start(spec, deployedAtMs, 0));
      this.#refuseOthers(before);
      const same = before.specHash === spec.specHash;
      if (same && isAlive(before.process)) return asRunning(this.#update({ ...before, owner: this.#owner }));
      await stopServer(before);
      return asRunning(await this.#start(spec, deployedAtMs, same ? before.restarts + 1 : 0));
    });
  }

  async waitReady(
    spec: ServerSpec,
    complete: (server: RunningServer, signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<{ server: RunningServer; startup: Startup }> {
    for (let attempt = 1; ; attempt++) {
      if (this.#registry.read(spec) === undefined) await this.ensure(spec);
      const entry = this.#require(spec);
      const watch = new ReadinessWatch(spec, entry, {
        exit: this.#exits.get(entry.instance),
        nowMs: this.#nowMs,
        update: (fields) => this.#update({ ...this.#require(spec), ...fields }),
        lastLines: (count) => this.#lines(entry, count),
        mask: createMasker(this.#secrets).text,
      });
      try {
        const startup = await watch.untilReady(complete, signal);
        return { server: asRunning(entry), startup };
      } catch (error) {
        if (!(error instanceof PortTakenError) || attempt === portAttempts) throw error;
        await this.#oneAtATime(spec, async () => {
          await stopServer(entry);
          await this.#start(spec, entry.deployedAtMs, entry.restarts);
        });
      }
    }
  }

  async inspect(key: ServerKey): Promise<ServerState> {
    const entry = this.#registry.read(key);
    if (entry === undefined) return { running: false, restarts: 0, reason: "it was not started" };
    const { instance, restarts } = entry;
    const state = { instance, restarts, node: hostname() };
    if (isAlive(entry.process)) return { ...state, running: true };
    const exit = entry.exit ?? (await this.#exitNow(entry));
    const lines = this.#lines(entry, 20);
    return {
      ...state,
      running: false,
      reason: [describeExit(exit), ...lines.slice(-3)].join("\n"),
      hint: `${hintFor(lines, exit)} Log: ${entry.logPath}`,
    };
  }

  async logs(key: ServerKey, lines: number): Promise<readonly string[]> {
    const entry = this.#registry.read(key);
    return entry === undefined ? [] : this.#lines(entry, lines);
  }

  async lookAtUsage(key: ServerKey): Promise<UsageLook> {
    const close = () => {};
    if (process.platform !== "linux") return { unread: "only Linux has /proc", close };
    const entry = this.#registry.read(key);
    if (entry === undefined) return { unread: "it is not up", close };
    const pids = findMembers(entry).map(({ pid }) => pid);
    return { read: () => readUsage(pids), close };
  }

  async exec(_key: ServerKey, words: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    return await runBeside(words, options);
  }

  async remove(key: ServerKey): Promise<void> {
    await this.#oneAtATime(key, async () => {
      const entry = this.#registry.read(key);
      if (entry === undefined) return;
      this.#refuseOthers(entry);
      await stopServer(entry);
      this.#registry.remove(entry);
      this.#exits.delete(entry.instance);
    });
  }

  async list(runId?: string): Promise<{ runId: string; cellId: string; server: RunningServer }[]> {
    return this.#registry
      .list()
      .filter((entry) => (runId === undefined || entry.runId === runId) && isAlive(entry.process))
      .map((entry) => ({ runId: entry.runId, cellId: entry.cellId, server: asRunning(entry) }));
  }

  /** Kills every server of this process at once, without waiting for promises: the last act before an exit. */
  killAllNow(): void {
    const own = this.#registry.list().filter(({ owner }) => isSame(owner, this.#owner));
    for (const entry of own) killServer(entry);
    const patience = new Int32Array(new SharedArrayBuffer(4));
    for (let tries = 0; tries < 50 && own.some((entry) => findMembers(entry).length > 0); tries++) {
      Atomics.wait(patience, 0, 0, 10);
    }
    for (const entry of own) if (findMembers(entry).length === 0) this.#registry.remove(entry);
  }

  async #start(spec: ServerSpec, deployedAtMs: number, restarts: number): Promise<RegistryEntry> {
    const { entry, child } = startProcess(spec, this.#registry, {
      port: await findFreePort(),
      logPath: this.#logPath(spec),
      owner: this.#owner,
      deployedAtMs,
      nowMs: this.#nowMs,
      restarts,
    });
    this.#exits.set(entry.instance, this.#watchExit(entry, child));
    return entry;
  }

  async #watchExit(entry: RegistryEntry, child: ChildProcess): Promise<Exit> {
    const exit = await new Promise<Exit>((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
    });
    const now = this.#registry.read(entry);
    try {
      if (now?.instance === entry.instance) this.#update({ ...now, exit });
    } catch {
      // A full disk: the exit is known here all the same.
    }
    return exit;
  }

  /** How it ended, where that is known by now: the event comes a moment after the process is gone. */
  async #exitNow(entry: RegistryEntry): Promise<Exit | undefined> {
    return await Promise.race([this.#exits.get(entry.instance), sleep(200, undefined)]);
  }

  #update(entry: RegistryEntry): RegistryEntry {
    this.#registry.write(entry);
    return entry;
  }

  #require(key: ServerKey): RegistryEntry {
    const entry = this.#registry.read(key);
    if (entry !== undefined) return entry;
    throw new LlmbenchError(
      "SERVER_REMOVED",
      `The server of ${key.cellId} was removed while it was waited for.`,
    );
  }

  #lines(entry: RegistryEntry, count: number): string[] {
    const mask = createMasker(this.#secrets).text;
    return readLastLines(entry.logPath, count, entry.logOffset).map((line) => mask(line));
  }

  #refuseOthers(entry: RegistryEntry): void {
    if (isSame(entry.owner, this.#owner) || !isAlive(entry.owner)) return;
    throw new LlmbenchError(
      "SERVER_OWNED_ELSEWHERE",
      `Another llmbench (process ${entry.owner.pid}) runs the server of ${entry.cellId} in run ${entry.runId}.`,
      { hint: "Wait for it, or end it, before this run goes on." },
    );
  }

  async #oneAtATime<T>(key: ServerKey, action: () => Promise<T>): Promise<T> {
    const name = `${key.runId}\n${key.cellId}`;
    const turn = (this.#queues.get(name) ?? Promise.resolve()).then(action, action);
    this.#queues.set(name, turn);
    return await turn;
  }
}

function asRunning({ instance, port, process }: RegistryEntry): RunningServer {
  return { instance, url: `http://127.0.0.1:${port}`, pid: process.pid };
}

function isSame(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.started === b.started;
}
