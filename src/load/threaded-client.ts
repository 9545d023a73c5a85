import { LlmbenchError } from "../error.ts";
import type { Clock } from "./clock.ts";
import type { ProbeReadings } from "./delay-probe.ts";
import { InstrumentWatch } from "./instrument.ts";
import type { PlayOptions } from "./lanes.ts";
import type { LoadClient, LoadOptions } from "./load-client.ts";
import type { LoadWorker, Said } from "./load-worker.ts";
import type { MeasurementOutcome } from "./measurement.ts";
import { mergeOutcomes, mergeReadings } from "./merge-outcomes.ts";
import { RequestSupply } from "./request-supply.ts";
import { checkLoad } from "./schedule.ts";
import { ownCap, ownStreams, type Share } from "./share.ts";
import type { ClientSettings } from "./worker-messages.ts";
import { WorkersProgress } from "./workers-progress.ts";

/** Between the orders and the first request, so that every worker has its own by then. */
const graceUs = 20_000;
/** Requests that a worker has at hand: as many a stream, and no fewer. */
const aheadPerStream = 2;
const fewestAhead = 64;

/** Measures in worker threads, each with its share of the load and connections of its own; records come here to be written. */
export class ThreadedClient implements LoadClient {
  readonly transport: string;
  readonly #workers: readonly LoadWorker[];
  readonly #clock: Clock;
  #watching = false;

  private constructor(workers: readonly LoadWorker[], clock: Clock, transport: string) {
    this.#workers = workers;
    this.#clock = clock;
    this.transport = transport;
  }

  static async begin(
    workers: readonly LoadWorker[],
    clock: Clock,
    settings: ClientSettings,
  ): Promise<ThreadedClient> {
    const { epochMs, hrtimeNs } = clock;
    const begun = await Promise.all(
      workers.map(async (worker, k) => {
        const { maxConnections: cap, ...rest } = settings.transport;
        const own =
          cap === undefined ? {} : { maxConnections: ownCap(cap, { worker: k, workers: workers.length }) };
        return await worker.order({
          kind: "begin",
          settings: { ...settings, transport: { ...rest, ...own } },
          clock: { epochMs, hrtimeNs },
        });
      }),
    );
    return new ThreadedClient(workers, clock, begun[0]?.transport ?? "");
  }

  get workers(): number {
    return this.#workers.length;
  }

  async open(connections: number): Promise<void> {
    await this.#each((worker, share) =>
      worker.order({ kind: "open", connections: ownCap(connections, share) }),
    );
  }

  async watchDelays(nullServerPort: number): Promise<void> {
    await this.#each((worker) => worker.order({ kind: "watch", port: nullServerPort }));
    this.#watching = true;
  }

  async measure(options: LoadOptions): Promise<MeasurementOutcome> {
    const { load, seed, timeoutMs, read, expectedE2eMs, recorder, signal } = options;
    checkLoad(load);
    const watch = new InstrumentWatch();
    const startUs = this.#clock.nowUs() + graceUs;
    let stopped: MeasurementOutcome["stopped"] = "complete";
    let thrown: { readonly error: unknown } | undefined;
    let failedInARow = 0;
    let enough = false;
    const stop = (why: MeasurementOutcome["stopped"]) => {
      if (stopped === "complete") stopped = why;
      this.#stop();
    };
    const fail = (error: unknown) => {
      thrown ??= { error };
      stop("aborted");
    };
    const progress = new WorkersProgress(this.workers, load.requests, (all) => {
      watch.sampleMemory();
      try {
        options.onProgress?.(all);
      } catch (error) {
        fail(error);
      }
    });
    const hear = (said: Said, worker: LoadWorker, supply: RequestSupply, place: number) => {
      try {
        if (said.kind === "progress") progress.take(place, said.progress);
        else if (said.kind === "wants") worker.tell({ kind: "requests", runs: supply.next(said.requests) });
        else {
          for (const record of said.records) {
            recorder.write(record);
            if (!enough && options.enough?.(record) === true) {
              enough = true;
              for (const each of this.#workers) each.tell({ kind: "enough" });
            }
            if (record.error === undefined) failedInARow = 0;
            else if (record.error.kind !== "cancelled") failedInARow++;
            if (failedInARow >= (options.giveUpAfterFailures ?? Number.POSITIVE_INFINITY)) stop("failures");
          }
        }
      } catch (error) {
        // Who waits for a request is told that none comes.
        worker.tell({ kind: "requests", runs: [] });
        fail(error);
      }
    };
    const abort = () => stop("aborted");
    signal?.addEventListener("abort", abort, { once: true });
    let parts: MeasurementOutcome[] = [];
    try {
      parts = await this.#each(async (worker, share) => {
        const supply = new RequestSupply(options.requests, load, share);
        const streams = load.arrival === "closed" ? ownStreams(load, share).length : fewestAhead;
        const ahead = Math.max(fewestAhead, aheadPerStream * streams);
        const settings = {
          load,
          seed,
          timeoutMs,
          share,
          startUs,
          ahead,
          ...(read !== undefined && { read }),
          ...(expectedE2eMs !== undefined && { expectedE2eMs }),
        };
        const measured = worker.order({ kind: "measure", load: settings }, (said) =>
          hear(said, worker, supply, share.worker),
        );
        hear({ kind: "wants", requests: ahead }, worker, supply, share.worker);
        if (signal?.aborted === true) abort();
        return await measured;
      });
    } catch (error) {
      fail(error);
    }
    signal?.removeEventListener("abort", abort);
    progress.end();
    const readings = watch.stop();
    if (thrown !== undefined) throw thrown.error;
    return { ...mergeOutcomes(parts, readings), stopped, startUs: Math.round(startUs) };
  }

  async play({ recorder, signal, lanes, ...rest }: PlayOptions): Promise<void> {
    let thrown: { readonly error: unknown } | undefined;
    const abort = () => this.#stop();
    signal.addEventListener("abort", abort, { once: true });
    try {
      await this.#each(async (worker, { worker: own, workers }) => {
        const order = {
          kind: "play",
          lanes: { ...rest, lanes: lanes.filter((_, k) => k % workers === own) },
        } as const;
        const played = worker.order(order, (said) => {
          if (said.kind !== "records") return;
          try {
            for (const record of said.records) recorder.write(record);
          } catch (error) {
            thrown ??= { error };
            abort();
          }
        });
        if (signal.aborted) abort();
        await played;
      });
    } finally {
      signal.removeEventListener("abort", abort);
    }
    if (thrown !== undefined) throw thrown.error;
  }

  async close(): Promise<ProbeReadings | undefined> {
    const alive = this.#workers.filter((worker) => worker.alive);
    const readings = await Promise.all(alive.map((worker) => worker.order({ kind: "end" })));
    return this.#watching ? mergeReadings(readings.flatMap((one) => one ?? [])) : undefined;
  }

  #stop(): void {
    for (const worker of this.#workers) worker.tell({ kind: "stop" });
  }

  /** Has each do its part, and waits for all, also where one fails: then the others are stopped. */
  async #each<T>(what: (worker: LoadWorker, share: Share) => Promise<T>): Promise<T[]> {
    const workers = this.workers;
    const outcomes = await Promise.allSettled(
      this.#workers.map(async (worker, k) => {
        try {
          return await what(worker, { worker: k, workers });
        } catch (error) {
          this.#stop();
          throw error;
        }
      }),
    );
    const parts: T[] = [];
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") throw outcome.reason as LlmbenchError;
      parts.push(outcome.value);
    }
    return parts;
  }
}
