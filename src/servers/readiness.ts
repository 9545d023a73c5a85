import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LlmbenchError } from "../error.ts";
import type { Startup } from "../results/schema/server.ts";
import { describeExit, type Exit, hintFor, isPortTaken } from "./failure.ts";
import { findMembers } from "./members.ts";
import { isListening, ownerOfPort, portsOf } from "./ports.ts";
import { probe } from "./probe.ts";
import { isAlive } from "./process-table.ts";
import type { RegistryEntry } from "./registry.ts";
import type { RunningServer, ServerSpec } from "./server.ts";
import { portToOpen, untilServing } from "./until-serving.ts";

/** Somebody else has the port: worth another try on another one. */
export class PortTakenError extends LlmbenchError {}

export interface WatchOptions {
  /** How the process ended; absent for one that another llmbench started. */
  readonly exit: Promise<Exit> | undefined;
  readonly nowMs: () => number;
  readonly update: (fields: Partial<RegistryEntry>) => void;
  readonly lastLines: (count: number) => string[];
  readonly mask: (text: string) => string;
}

const shownLines = 20;
const leavePort = "write {port} in the command in place of a fixed one";

/** Programs that start the server elsewhere, so that the port's owner is not one of our processes. */
const remoteStarters = new Set(["docker", "podman", "nerdctl", "kubectl", "ssh"]);

/** Watches one server process until it can serve, or cannot any more. */
export class ReadinessWatch {
  readonly #spec: ServerSpec;
  readonly #entry: RegistryEntry;
  readonly #options: WatchOptions;
  /** Aborted when the process ends or the time is up. */
  readonly #over = new AbortController();
  #exit: Exit | undefined;
  #exited = false;
  #hasOpened = false;
  /** What is waited for, in words. */
  #waitingFor = "it to start";

  constructor(spec: ServerSpec, entry: RegistryEntry, options: WatchOptions) {
    this.#spec = spec;
    this.#entry = entry;
    this.#options = options;
    void options.exit?.then((exit) => {
      this.#exit = exit;
      this.#exited = true;
      this.#over.abort();
    });
  }

  /**
   * Resolves with the start-up times once the probe passed and `complete` came back. Rejects with SERVER_EXITED,
   * SERVER_NOT_READY, SERVER_NO_COMPLETION, SERVER_WAIT_ABORTED, or a PortTakenError.
   */
  async untilReady(
    complete: (server: RunningServer, signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Startup> {
    const limit = setTimeout(() => this.#over.abort(), this.#spec.startTimeoutSeconds * 1000);
    const stop = AbortSignal.any([signal, this.#over.signal]);
    try {
      const { nowMs } = this.#options;
      const serving = await untilServing(
        {
          throwIfOver: () => this.#throwIfOver(stop),
          isPortOpen: async () => await this.#isPortOpen(),
          isProbeGood: async () => await this.#isProbeGood(stop),
          complete: async () => await this.#complete(complete, stop),
          completionError: (error) => this.#completionError(error),
          sinceDeployMs: () => this.#sinceDeploy(nowMs()),
          waitedMs: () => nowMs() - this.#entry.startedAtMs,
          waitsFor: (what) => {
            this.#hasOpened = what !== portToOpen;
            this.#waitingFor = what;
            this.#options.update({ members: this.#members() });
          },
        },
        this.#spec.readiness.path,
        stop,
      );
      // A server that was ready before keeps the times of its own start.
      const startup = this.#entry.startup ?? {
        scheduledMs: null,
        pulledMs: null,
        startedMs: this.#sinceDeploy(this.#entry.startedAtMs),
        ...serving,
      };
      this.#options.update({ startup, members: this.#members() });
      return startup;
    } catch (error) {
      if (signal.aborted) {
        throw new LlmbenchError(
          "SERVER_WAIT_ABORTED",
          `${this.#entry.cellId}: stopped waiting for the server.`,
        );
      }
      throw error;
    } finally {
      clearTimeout(limit);
    }
  }

  #throwIfOver(stop: AbortSignal): void {
    // A process that another llmbench started has no exit event here.
    if (!this.#exited && this.#options.exit === undefined) this.#exited = !isAlive(this.#entry.process);
    if (this.#exited) throw this.#exitError();
    if (stop.aborted) throw this.#timeoutError();
  }

  async #isPortOpen(): Promise<boolean> {
    if (!(await isListening(this.#entry.port, 1000))) return false;
    const program = basename(this.#spec.command[0] ?? "");
    if (
      !remoteStarters.has(program) &&
      ownerOfPort(this.#entry.port, findMembers(this.#entry)) === "foreign"
    ) {
      throw this.#portTaken(`cannot be reached: another program has its port ${this.#entry.port}.`);
    }
    return true;
  }

  async #isProbeGood(stop: AbortSignal): Promise<boolean> {
    const { path, timeoutSeconds } = this.#spec.readiness;
    const status = await probe({
      port: this.#entry.port,
      path,
      timeoutMs: timeoutSeconds * 1000,
      signal: stop,
    });
    return status !== undefined && status >= 200 && status < 300;
  }

  async #complete(
    complete: (server: RunningServer, signal: AbortSignal) => Promise<void>,
    stop: AbortSignal,
  ): Promise<void> {
    const { instance, port, process } = this.#entry;
    try {
      await complete({ instance, url: `http://127.0.0.1:${port}`, pid: process.pid }, stop);
    } catch (error) {
      // The process's end may be told a moment after its connection broke.
      if (this.#options.exit !== undefined) await Promise.race([this.#options.exit, sleep(100)]);
      throw error;
    }
  }

  #members(): RegistryEntry["members"] {
    return findMembers(this.#entry).map(({ pid, started }) => ({ pid, started }));
  }

  #sinceDeploy(ms: number): number {
    return ms - this.#entry.deployedAtMs;
  }

  #exitError(): LlmbenchError {
    const lines = this.#options.lastLines(shownLines);
    if (isPortTaken(lines)) return this.#portTaken("could not have its port: another program has it.");
    const seconds = ((this.#options.nowMs() - this.#entry.startedAtMs) / 1000).toFixed(1);
    return new LlmbenchError(
      "SERVER_EXITED",
      `${this.#entry.cellId}: the server ${describeExit(this.#exit)} after ${seconds} s, before it was ready.`,
      { hint: `${hintFor(lines, this.#exit)} Log: ${this.#entry.logPath}`, details: lines },
    );
  }

  #portTaken(what: string): PortTakenError {
    return new PortTakenError("SERVER_PORT_TAKEN", `${this.#entry.cellId}: the server ${what}`, {
      hint: `Leave the port to llmbench: ${leavePort}. Log: ${this.#entry.logPath}`,
      details: this.#options.lastLines(shownLines),
    });
  }

  #timeoutError(): LlmbenchError {
    const { cellId, port } = this.#entry;
    const elsewhere = this.#hasOpened ? [] : portsOf(findMembers(this.#entry));
    const remedy =
      elsewhere.length === 0
        ? "If it only needs more time, raise startTimeout in the config."
        : `It was given port ${port} and listens on ${elsewhere.join(", ")}: ${leavePort}.`;
    const seconds = this.#spec.startTimeoutSeconds;
    return new LlmbenchError(
      "SERVER_NOT_READY",
      `${cellId}: the server was not ready after ${seconds} s: still waiting for ${this.#waitingFor}.`,
      {
        hint: `${remedy} Log: ${this.#entry.logPath}`,
        details: this.#options.lastLines(shownLines),
      },
    );
  }

  #completionError(error: unknown): LlmbenchError {
    const reason = this.#options.mask(error instanceof Error ? error.message : String(error));
    return new LlmbenchError(
      "SERVER_NO_COMPLETION",
      `${this.#entry.cellId}: the server says that it is ready, but it answers no completion: ${reason}`,
      {
        hint: `Check that the model is one that it can serve. Log: ${this.#entry.logPath}`,
        details: this.#options.lastLines(shownLines),
        cause: error,
      },
    );
  }
}
