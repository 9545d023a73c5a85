import {
  constants,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
} from "node:perf_hooks";
import type { Instrument } from "./measurement.ts";
import { readRunQueueMs, readThrottled } from "./process-readings.ts";
import type { ResponseReader } from "./response-reader.ts";

const loopDelayPeriodMs = 5;

/** Watches this process while it measures. */
export class InstrumentWatch {
  readonly #loopDelay = monitorEventLoopDelay({ resolution: loopDelayPeriodMs });
  readonly #cpuAtStart = process.cpuUsage();
  readonly #startMs = performance.now();
  readonly #gc: PerformanceObserver;
  readonly #runQueueAtStart = readRunQueueMs();
  readonly #throttledAtStart = readThrottled();
  #gcCount = 0;
  #gcTotalMs = 0;
  #gcMaxMs = 0;
  #maxRssBytes = 0;
  #reads = 0;
  #coalescedReads = 0;
  #chunks = 0;

  constructor() {
    this.#loopDelay.enable();
    this.#gc = new PerformanceObserver((list) => this.#takeGc(list.getEntries()));
    this.#gc.observe({ entryTypes: ["gc"] });
    this.sampleMemory();
  }

  sampleMemory(): void {
    this.#maxRssBytes = Math.max(this.#maxRssBytes, process.memoryUsage.rss());
  }

  /** Adds what one answer's reads were like. */
  count(reader: ResponseReader): void {
    this.#reads += reader.reads;
    this.#coalescedReads += reader.coalescedReads;
    this.#chunks += reader.chunks;
  }

  /** Ends the watch. */
  stop(): Instrument {
    this.#loopDelay.disable();
    this.#takeGc(this.#gc.takeRecords());
    this.#gc.disconnect();
    this.sampleMemory();
    const cpu = process.cpuUsage(this.#cpuAtStart);
    const runQueueMs = readRunQueueMs();
    const throttled = readThrottled();
    return {
      eventLoopDelayMs: {
        p50: lateness(this.#loopDelay.percentile(50)),
        p99: lateness(this.#loopDelay.percentile(99)),
        max: lateness(this.#loopDelay.max),
      },
      cpuMs: { user: cpu.user / 1000, system: cpu.system / 1000 },
      wallMs: performance.now() - this.#startMs,
      gc: { count: this.#gcCount, totalMs: this.#gcTotalMs, maxMs: this.#gcMaxMs },
      reads: this.#reads,
      coalescedReads: this.#coalescedReads,
      chunks: this.#chunks,
      maxRssBytes: this.#maxRssBytes,
      ...(runQueueMs !== undefined &&
        this.#runQueueAtStart !== undefined && { runQueueMs: runQueueMs - this.#runQueueAtStart }),
      ...(throttled !== undefined &&
        this.#throttledAtStart !== undefined && {
          throttled: {
            periods: throttled.periods - this.#throttledAtStart.periods,
            ms: throttled.ms - this.#throttledAtStart.ms,
          },
        }),
    };
  }

  #takeGc(entries: readonly PerformanceEntry[]): void {
    for (const entry of entries) {
      const kind = (entry as { detail?: { kind?: number } }).detail?.kind;
      // Weak-callback passes are bookkeeping beside a collection, counted with it already.
      if (kind === constants.NODE_PERFORMANCE_GC_WEAKCB) continue;
      this.#gcCount++;
      this.#gcTotalMs += entry.duration;
      this.#gcMaxMs = Math.max(this.#gcMaxMs, entry.duration);
    }
  }
}

/** Node records the time between its samples: what exceeds their period is lateness. Nanoseconds to milliseconds. */
function lateness(betweenSamplesNs: number): number {
  return Number.isFinite(betweenSamplesNs) ? Math.max(0, betweenSamplesNs / 1e6 - loopDelayPeriodMs) : 0;
}
