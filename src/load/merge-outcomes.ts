import type { ProbeReadings } from "./delay-probe.ts";
import type { Instrument, MeasurementOutcome } from "./measurement.ts";

/**
 * What several workers' parts come to. `process`: readings of the whole process meanwhile. A worker that is late is late for its
 * own requests, whatever the others are: the event loop's delay and the wait for a core are those of the worst.
 */
export function mergeOutcomes(
  parts: readonly MeasurementOutcome[],
  process: Instrument,
): Omit<MeasurementOutcome, "stopped" | "startUs"> {
  const sum = (of: (part: MeasurementOutcome) => number) => parts.reduce((all, part) => all + of(part), 0);
  const most = (of: (part: MeasurementOutcome) => number) => Math.max(...parts.map(of));
  const first = parts.flatMap(({ firstSentUs }) => firstSentUs ?? []);
  const last = parts.flatMap(({ lastEndUs }) => lastEndUs ?? []);
  const waited = parts.flatMap(({ instrument }) => instrument.runQueueMs ?? []);
  const { runQueueMs: _ofThisThread, ...whole } = process;
  return {
    requests: {
      planned: sum(({ requests }) => requests.planned),
      ok: sum(({ requests }) => requests.ok),
      failed: sum(({ requests }) => requests.failed),
      timedOut: sum(({ requests }) => requests.timedOut),
      cancelled: sum(({ requests }) => requests.cancelled),
    },
    ...(first.length > 0 && { firstSentUs: Math.min(...first) }),
    ...(last.length > 0 && { lastEndUs: Math.max(...last) }),
    instrument: {
      ...whole,
      eventLoopDelayMs: {
        p50: most(({ instrument }) => instrument.eventLoopDelayMs.p50),
        p99: most(({ instrument }) => instrument.eventLoopDelayMs.p99),
        max: most(({ instrument }) => instrument.eventLoopDelayMs.max),
      },
      gc: {
        count: sum(({ instrument }) => instrument.gc.count),
        totalMs: sum(({ instrument }) => instrument.gc.totalMs),
        maxMs: most(({ instrument }) => instrument.gc.maxMs),
      },
      reads: sum(({ instrument }) => instrument.reads),
      coalescedReads: sum(({ instrument }) => instrument.coalescedReads),
      chunks: sum(({ instrument }) => instrument.chunks),
      ...(waited.length > 0 && { runQueueMs: Math.max(...waited) }),
    },
  };
}

/** No stamp is further from the next: what was read longer ago says nothing of now. */
const reachUs = 25_000;

/**
 * All workers' stamps in the order in which they were read. Which worker read a chunk is not asked later, so each stamp is as
 * late as the latest that any worker read about then.
 */
export function mergeReadings(parts: readonly ProbeReadings[]): ProbeReadings {
  const all = parts
    .flatMap(({ readUs, delaysUs }) => Array.from(readUs, (at, k) => ({ at, late: delaysUs[k] as number })))
    .sort((a, b) => a.at - b.at);
  const delaysUs = new Float64Array(all.length);
  // The latest within reach, by a window whose candidates fall: only one that is later than all after it can be it.
  const candidates: number[] = [];
  let taken = 0;
  for (const [k, { at }] of all.entries()) {
    for (; taken < all.length && (all[taken]?.at ?? 0) <= at + reachUs / 2; taken++) {
      const late = all[taken]?.late ?? 0;
      while (candidates.length > 0 && (all[candidates.at(-1) ?? 0]?.late ?? 0) <= late) candidates.pop();
      candidates.push(taken);
    }
    while ((all[candidates[0] ?? 0]?.at ?? 0) < at - reachUs / 2) candidates.shift();
    delaysUs[k] = all[candidates[0] ?? 0]?.late ?? 0;
  }
  return { readUs: Float64Array.from(all, ({ at }) => at), delaysUs };
}
