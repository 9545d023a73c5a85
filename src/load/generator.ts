import { ClosedLoop } from "./closed-loop.ts";
import { Flights } from "./flights.ts";
import { InstrumentWatch } from "./instrument.ts";
import type { Loop, LoopHost } from "./loop.ts";
import type { MeasurementOutcome, MeasureOptions, Progress } from "./measurement.ts";
import { OpenLoop } from "./open-loop.ts";
import type { RequestRecord } from "./record.ts";
import type { RequestPlace, ResponseReader } from "./response-reader.ts";
import { checkLoad } from "./schedule.ts";
import { type Share, wholeLoad } from "./share.ts";

const progressPeriodMs = 200;

/**
 * Runs one measurement: sends requests as `load` says and records each as it ends. Resolves when the last one has
 * ended, whatever came of them. Rejects with LOAD_SETTING when the load cannot be made, and with what `requests`,
 * `recorder` or `onProgress` throw, once nothing is in flight any more.
 */
export async function measure(options: MeasureOptions): Promise<MeasurementOutcome> {
  checkLoad(options.load);
  return new Measurement(options).run();
}

class Measurement implements LoopHost {
  readonly #options: MeasureOptions;
  readonly #flights: Flights;
  readonly #loop: Loop;
  readonly #watch = new InstrumentWatch();
  readonly #progress: { -readonly [K in keyof Progress]: Progress[K] };
  readonly #startUs: number;
  readonly #share: Share;
  #ok = 0;
  #failed = 0;
  #timedOut = 0;
  #cancelled = 0;
  #failedInARow = 0;
  #firstSentUs: number | undefined;
  #lastEndUs: number | undefined;
  #stopped: MeasurementOutcome["stopped"] = "complete";
  #exhausted = false;
  #thrown: { error: unknown } | undefined;
  #finished: () => void = () => {};

  constructor(options: MeasureOptions) {
    this.#options = options;
    this.#flights = new Flights(options.transport, options.timeoutMs, options.read ?? {});
    this.#startUs = options.startUs ?? options.clock.nowUs();
    this.#share = options.share ?? wholeLoad;
    const plan = { load: options.load, share: this.#share, clock: options.clock, startUs: this.#startUs };
    const expectedE2eMs = options.expectedE2eMs ?? 0;
    this.#loop =
      options.load.arrival === "closed"
        ? new ClosedLoop({ ...plan, expectedE2eMs }, this)
        : new OpenLoop({ ...plan, expectedE2eMs, seed: options.seed }, this);
    this.#progress = {
      planned: options.load.requests,
      sent: 0,
      done: 0,
      failed: 0,
      inFlight: 0,
      outputTokens: 0,
      chunks: 0,
    };
  }

  async run(): Promise<MeasurementOutcome> {
    const abort = () => this.#stop("aborted", "the measurement was stopped");
    const signal = this.#options.signal;
    signal?.addEventListener("abort", abort, { once: true });
    const ticker = setInterval(() => this.#tick(), progressPeriodMs);
    await new Promise<void>((resolve) => {
      this.#finished = resolve;
      if (signal?.aborted === true) abort();
      else this.#loop.start();
    });
    clearInterval(ticker);
    signal?.removeEventListener("abort", abort);
    this.#tick();
    const instrument = this.#watch.stop();
    if (this.#thrown !== undefined) throw this.#thrown.error;
    return {
      requests: {
        // Of a load that ends when there is enough, what it might have sent at most was not asked for.
        planned: this.#options.enough === undefined ? this.#loop.planned : this.#loop.issued,
        ok: this.#ok,
        failed: this.#failed,
        timedOut: this.#timedOut,
        cancelled: this.#cancelled,
      },
      stopped: this.#stopped,
      startUs: Math.round(this.#startUs),
      ...(this.#firstSentUs !== undefined && { firstSentUs: this.#firstSentUs }),
      ...(this.#lastEndUs !== undefined && { lastEndUs: this.#lastEndUs }),
      instrument,
    };
  }

  get inFlight(): number {
    return this.#flights.count;
  }

  send(place: Omit<RequestPlace, "worker">, ended: (record: RequestRecord) => void): void {
    try {
      const request = this.#options.requests(place.i);
      this.#progress.sent++;
      this.#flights.launch(request, { ...place, worker: this.#share.worker }, (record, reader) => {
        this.#count(record, reader);
        // The stream's next request goes out before this one's record is written.
        ended(record);
        this.#write(record);
        this.#askIfEnough(record);
        this.#finishIfOver();
      });
    } catch (error) {
      this.#fail(error);
    }
  }

  giveUp(place: Omit<RequestPlace, "worker">, why: string): void {
    const record: RequestRecord = {
      i: place.i,
      worker: this.#share.worker,
      phase: place.phase,
      connection: { reused: false },
      scheduledUs: Math.round(place.scheduledUs),
      endUs: Math.round(this.#options.clock.nowUs()),
      reads: { gapsUs: [], chunks: [], bytes: [] },
      tokens: {},
      error: { kind: "cancelled", message: why },
    };
    this.#count(record);
    this.#write(record);
  }

  exhausted(): void {
    this.#exhausted = true;
    this.#finishIfOver();
  }

  #count(record: RequestRecord, reader?: ResponseReader): void {
    const progress = this.#progress;
    progress.done++;
    progress.outputTokens += record.tokens.output ?? 0;
    if (reader !== undefined) {
      progress.chunks += reader.chunks;
      this.#watch.count(reader);
    }
    if (record.sentUs !== undefined) {
      this.#firstSentUs = Math.min(this.#firstSentUs ?? record.sentUs, record.sentUs);
      this.#lastEndUs = Math.max(this.#lastEndUs ?? record.endUs, record.endUs);
    }
    this.#countOutcome(record);
  }

  #write(record: RequestRecord): void {
    try {
      this.#options.recorder.write(record);
    } catch (error) {
      this.#fail(error);
    }
  }

  #countOutcome(record: RequestRecord): void {
    if (record.error === undefined) {
      this.#ok++;
      this.#failedInARow = 0;
      return;
    }
    this.#progress.failed++;
    if (record.error.kind === "cancelled") {
      this.#cancelled++;
      return;
    }
    if (record.error.kind === "timeout") this.#timedOut++;
    else this.#failed++;
    this.#failedInARow++;
    if (this.#failedInARow >= (this.#options.giveUpAfterFailures ?? Number.POSITIVE_INFINITY)) {
      this.#stop("failures", `${this.#failedInARow} requests in a row failed`);
    }
  }

  #askIfEnough(record: RequestRecord): void {
    if (this.#exhausted || this.#options.enough === undefined) return;
    try {
      if (!this.#options.enough(record)) return;
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#loop.stop("there was enough before its turn came");
    this.exhausted();
  }

  #fail(error: unknown): void {
    this.#thrown ??= { error };
    this.#stop("aborted", "the measurement failed");
  }

  #stop(stopped: MeasurementOutcome["stopped"], why: string): void {
    if (this.#stopped === "complete") this.#stopped = stopped;
    this.#loop.stop(why);
    this.#flights.cancelAll();
    this.exhausted();
  }

  #finishIfOver(): void {
    if (this.#exhausted && this.#flights.count === 0) this.#finished();
  }

  #tick(): void {
    this.#watch.sampleMemory();
    this.#progress.inFlight = this.#flights.count;
    try {
      this.#options.onProgress?.(this.#progress);
    } catch (error) {
      this.#fail(error);
    }
  }
}
