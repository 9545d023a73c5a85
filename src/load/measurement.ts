import type { Clock } from "./clock.ts";
import type { LoadSetting, RequestRecord } from "./record.ts";
import type { Share } from "./share.ts";
import type { Transport, TransportRequest } from "./transport.ts";

/** What to send as request number `i`, 0 first. Called once for each request, just before it is sent. */
export type RequestSource = (i: number) => TransportRequest;

/** Takes each record as its request ends; src/load/record-writer.ts is the one that writes them to disk. */
export interface Recorder {
  write(record: RequestRecord): void;
}

/** How answers are read. */
export interface ReadOptions {
  /** Keep the generated text in each record. Default false. */
  readonly saveText?: boolean;
  /** Output length asked for, tokens: usage that reaches it shows a whole answer where no finish reason is sent. */
  readonly maxTokens?: number;
}

/** Live counters of one measurement: cheap, the same object each time, only to be read. */
export interface Progress {
  /** Requests in all; undefined where the load is bounded by time. */
  readonly planned: number | undefined;
  readonly sent: number;
  /** Requests that ended, well or not. */
  readonly done: number;
  /** Those of `done` that ended with an error. */
  readonly failed: number;
  readonly inFlight: number;
  /** By the server's count, of requests that ended. */
  readonly outputTokens: number;
  /** Chunks of generated text of requests that ended. */
  readonly chunks: number;
}

export interface MeasureOptions {
  readonly transport: Transport;
  readonly requests: RequestSource;
  readonly read?: ReadOptions;
  readonly load: LoadSetting;
  /** Decides Poisson arrivals; the same seed gives the same arrivals to the microsecond. */
  readonly seed: number;
  readonly clock: Clock;
  /** Limit of one request from the moment it is handed to the transport, milliseconds. */
  readonly timeoutMs: number;
  /** How long one request takes, by the warm-up, milliseconds: closed-loop streams start spread over it. */
  readonly expectedE2eMs?: number;
  /** Aborting stops sending, cancels what is in flight and records it as cancelled; `measure` still resolves. */
  readonly signal?: AbortSignal;
  readonly recorder: Recorder;
  /**
   * Called with each record as its request ends, once the next of its stream is on its way. True: no more is sent, and what
   * is in flight finishes.
   */
  readonly enough?: (record: RequestRecord) => boolean;
  /** Called at most five times a second, and once at the end. */
  readonly onProgress?: (progress: Progress) => void;
  /** Gives up after so many failed requests in a row, none succeeding between. Default: never. */
  readonly giveUpAfterFailures?: number;
  /** The part of the load that is this one's, where several workers measure together. Default: all of it. */
  readonly share?: Share;
  /** When the schedule starts, microseconds of the clock. Default: now. */
  readonly startUs?: number;
}

export interface MeasurementOutcome {
  readonly requests: {
    /** Requests that were due: the number asked for, or all that fell due in the time asked for or before there was enough. */
    readonly planned: number;
    readonly ok: number;
    /** With an error other than a time-out or a cancellation. */
    readonly failed: number;
    readonly timedOut: number;
    readonly cancelled: number;
  };
  /** Why no more was sent: all was, or enough, `signal`, or `giveUpAfterFailures`. */
  readonly stopped: "complete" | "aborted" | "failures";
  /** Microseconds of the clock: start of the schedule, first request on a socket, end of the last one. */
  readonly startUs: number;
  readonly firstSentUs?: number;
  readonly lastEndUs?: number;
  readonly instrument: Instrument;
}

/** How well this process could measure: what shows whether the client was the bottleneck. */
export interface Instrument {
  /** How late the event loop got round to a timer (node's monitorEventLoopDelay, its period taken off), ms. */
  readonly eventLoopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** CPU time of this process during the measurement, ms. */
  readonly cpuMs: { readonly user: number; readonly system: number };
  readonly wallMs: number;
  readonly gc: { readonly count: number; readonly totalMs: number; readonly maxMs: number };
  /** Reads that carried generated text, over all requests; those with more than one chunk; all chunks. */
  readonly reads: number;
  readonly coalescedReads: number;
  readonly chunks: number;
  /** Time in which the main thread was ready to run and had no core, ms; Linux only. */
  readonly runQueueMs?: number;
  /** What the CPU limit of its control group took; Linux only. */
  readonly throttled?: { readonly periods: number; readonly ms: number };
  /** Largest resident memory seen during the measurement, bytes (sampled five times a second). */
  readonly maxRssBytes: number;
}
