import { setTimeout as sleep } from "node:timers/promises";
import { LlmbenchError } from "../../error.ts";
import type { Startup } from "../../results/schema/server.ts";
import { isListening } from "../ports.ts";
import { probe } from "../probe.ts";
import type { RunningServer, ServerSpec } from "../server.ts";
import { untilServing } from "../until-serving.ts";
import { containerOf } from "./manifests.ts";
import { anyServer, selectorOf } from "./names.ts";
import type { Pod } from "./objects.ts";
import { PodLookout, type PodLookoutOptions } from "./pod-lookout.ts";
import { condition, instanceOf, isRunning } from "./pod-state.ts";
import type { Resources } from "./resources.ts";

export interface PodWaitOptions extends PodLookoutOptions {
  readonly url: string;
  /** Longest wait for a node that others hold, seconds. */
  readonly turnTimeoutSeconds: number;
}

export function waitAborted({ cellId }: ServerSpec): LlmbenchError {
  return new LlmbenchError("SERVER_WAIT_ABORTED", `${cellId}: stopped waiting for the server.`);
}

/** How soon a container that runs is noticed, ms. */
const lookEveryMs = 20;

type Complete = (server: RunningServer, signal: AbortSignal) => Promise<void>;

/** Another pod, or another process in it, took the place of the one that was asked. */
class ReplacedError extends Error {}

/** Waits for one server's pod until it can serve, or cannot any more. */
export class PodWait {
  readonly #spec: ServerSpec;
  readonly #options: PodWaitOptions;
  readonly #lookout: PodLookout;
  /** Aborted when it is over, well or not. */
  readonly #over = new AbortController();
  readonly #begunMs = performance.now();
  #failure: unknown;

  constructor(spec: ServerSpec, resources: Resources, options: PodWaitOptions) {
    this.#spec = spec;
    this.#options = options;
    this.#lookout = new PodLookout(spec, resources, options);
  }

  /**
   * Resolves once the probe passed and `complete` came back. Rejects with SERVER_IMAGE_UNAVAILABLE, SERVER_EXITED,
   * SERVER_OUT_OF_MEMORY, SERVER_UNSCHEDULABLE, SERVER_NODE_LOST, SERVER_NOT_READY and others, each with what to do.
   */
  async untilReady(
    complete: Complete,
    signal: AbortSignal,
  ): Promise<{ server: RunningServer; startup: Startup }> {
    const stop = AbortSignal.any([signal, this.#over.signal]);
    const looking = this.#lookout.run(stop).catch((error: unknown) => {
      if (!stop.aborted) this.#failure = error;
      this.#over.abort();
    });
    try {
      for (;;) {
        const pod = await this.#untilRunning(stop);
        try {
          return await this.#untilServing(pod, complete, stop);
        } catch (error) {
          if (!(error instanceof ReplacedError)) throw error;
        }
      }
    } catch (error) {
      throw signal.aborted ? waitAborted(this.#spec) : error;
    } finally {
      this.#over.abort();
      await looking;
    }
  }

  async #untilRunning(stop: AbortSignal): Promise<Pod> {
    for (;;) {
      await this.#throwIfOver(stop);
      const { pod } = this.#lookout;
      if (pod !== undefined && isRunning(pod) && pod.status?.podIP) return pod;
      await sleep(lookEveryMs);
    }
  }

  async #untilServing(
    pod: Pod,
    complete: Complete,
    stop: AbortSignal,
  ): Promise<{ server: RunningServer; startup: Startup }> {
    const { times } = this.#lookout;
    const server = { instance: instanceOf(pod), url: this.#options.url };
    const wasReady = condition(pod, "Ready")?.status === "True";
    const host = pod.status?.podIP ?? "";
    const { port } = containerOf(this.#spec);
    const { path, timeoutSeconds } = this.#spec.readiness;
    const begun = performance.now();
    // Asked at the pod's own address: the Service's takes a moment to know it.
    const serving = await untilServing(
      {
        throwIfOver: async () => {
          await this.#throwIfOver(stop);
          const now = this.#lookout.pod;
          if (now === undefined || instanceOf(now) !== server.instance) throw new ReplacedError();
        },
        isPortOpen: async () => await isListening(port, 1000, host),
        isProbeGood: async () => {
          const status = await probe({ host, port, path, timeoutMs: timeoutSeconds * 1000, signal: stop });
          return status !== undefined && status >= 200 && status < 300;
        },
        complete: async () => await this.#complete(complete, server, stop),
        completionError: (error) => this.#completionError(error),
        sinceDeployMs: () => times.since(this.#options.nowMs()),
        waitedMs: () => performance.now() - begun,
        waitsFor: (what) => this.#lookout.say(what),
      },
      path,
      stop,
    );
    await this.#lookout.lookAgain(pod, stop);
    // Of a server that was ready before we came, these times were not seen.
    const unseen = wasReady ? { portOpenMs: null, readyMs: times.readyMs(pod) } : {};
    return { server, startup: { ...times.phases, ...serving, ...unseen } };
  }

  async #complete(complete: Complete, server: RunningServer, stop: AbortSignal): Promise<void> {
    try {
      await complete(server, stop);
    } catch (error) {
      // The end of a process is told a moment after its connections broke.
      await this.#lookout.next(1500);
      throw error;
    }
  }

  async #throwIfOver(stop: AbortSignal): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    stop.throwIfAborted();
    const { scheduled } = this.#lookout;
    const now = performance.now();
    if (scheduled === undefined) {
      if (now - this.#begunMs > this.#options.turnTimeoutSeconds * 1000) throw this.#turnError();
    } else if (now - scheduled.atMs > this.#spec.startTimeoutSeconds * 1000) {
      throw await this.#timeoutError();
    }
  }

  #turnError(): LlmbenchError {
    const { cellId } = this.#spec;
    return new LlmbenchError(
      "SERVER_NO_TURN",
      `${cellId}: no node was free for ${this.#options.turnTimeoutSeconds} s: still waiting for ${this.#lookout.waitingFor}.`,
      { hint: `See what holds the nodes: kubectl get pods -A -o wide -l ${selectorOf(anyServer)}` },
    );
  }

  async #timeoutError(): Promise<LlmbenchError> {
    const { cellId, startTimeoutSeconds } = this.#spec;
    return new LlmbenchError(
      "SERVER_NOT_READY",
      `${cellId}: the server was not ready ${startTimeoutSeconds} s after it got its node: still waiting for ${this.#lookout.waitingFor}.`,
      {
        hint: "Raise startTimeoutSeconds if it only needs more time: pulling the image and reading the model count.",
        details: await this.#lookout.lastLines(),
      },
    );
  }

  async #completionError(error: unknown): Promise<LlmbenchError> {
    const reason = error instanceof Error ? error.message : String(error);
    return new LlmbenchError(
      "SERVER_NO_COMPLETION",
      `${this.#spec.cellId}: the server says that it is ready, but a completion failed: ${reason}`,
      {
        hint: "Check that the model is one that it can serve.",
        details: await this.#lookout.lastLines(),
        cause: error,
      },
    );
  }
}
