import { LlmbenchError } from "../error.ts";
import type { Startup } from "../results/schema/server.ts";
import { saysSimulated } from "../simulated-header.ts";
import type { RunningServer, ServerBackend, ServerSpec, ServerState } from "./server.ts";

export interface StandingBackendOptions {
  /** Base URL without /v1 and without a trailing slash. */
  readonly url: string;
  /** GET on the base URL, with the headers and certificates that the server wants; rejects when nobody answers. */
  readonly get: (
    path: string,
  ) => Promise<{ readonly status: number; readonly headers: Readonly<Record<string, string>> }>;
}

/** A server that is already there: looked at, never started and never stopped. */
export class StandingBackend implements ServerBackend {
  readonly kind = "standing";
  readonly #server: RunningServer;
  readonly #get: StandingBackendOptions["get"];

  constructor({ url, get }: StandingBackendOptions) {
    this.#server = { instance: url, url };
    this.#get = get;
  }

  /**
   * Resolves when the server answers at all, whatever it says. Rejects with SERVER_UNREACHABLE, and with
   * SERVER_CHANGED where a simulator stands in place of a real server or the other way round.
   */
  async ensure(spec: ServerSpec): Promise<RunningServer> {
    const { url } = this.#server;
    const { headers } = await this.#get("/v1/models").catch((error: unknown) => {
      throw error instanceof LlmbenchError ? error : unreachable(url, error);
    });
    if (saysSimulated(headers) !== spec.simulated) throw changed(url, spec);
    return this.#server;
  }

  async waitReady(
    spec: ServerSpec,
    complete: (server: RunningServer, signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<{ server: RunningServer; startup: Startup }> {
    await this.ensure(spec);
    await complete(this.#server, signal);
    const startup: Startup = {
      scheduledMs: null,
      pulledMs: null,
      startedMs: null,
      portOpenMs: null,
      readyMs: null,
      firstCompletionMs: null,
    };
    return { server: this.#server, startup };
  }

  async inspect(): Promise<ServerState> {
    const state = { instance: this.#server.instance, restarts: 0 };
    try {
      await this.#get("/v1/models");
      return { ...state, running: true };
    } catch (error) {
      return { ...state, running: false, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  async logs(): Promise<readonly string[]> {
    return [];
  }

  async remove(): Promise<void> {}

  async list(): Promise<readonly { runId: string; cellId: string; server: RunningServer }[]> {
    return [];
  }
}

function changed(url: string, { simulated, runId }: ServerSpec): LlmbenchError {
  const [now, then] = simulated ? ["no simulator", "a simulator"] : ["a simulator", "a real server"];
  return new LlmbenchError("SERVER_CHANGED", `${url} is ${now} now; run ${runId} began with ${then}.`, {
    hint: "Begin a new run: one run never mixes numbers of a simulator with real ones.",
  });
}

function unreachable(url: string, cause: unknown): LlmbenchError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new LlmbenchError("SERVER_UNREACHABLE", `${url} does not answer: ${reason}`, {
    hint: "Check the address and that the server runs; for a private certificate authority use --ca FILE.",
    cause,
  });
}
