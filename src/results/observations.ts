import type { LoadSetting } from "../load/record.ts";
import { findUnsteadyLatencies, type UnsteadyLatency } from "./judge-steadiness.ts";
import { tpotMs, ttftMs } from "./latencies.ts";
import { Outcome, type RequestTable } from "./request-table.ts";
import type { Sample } from "./sample.ts";
import type { RequestCounts } from "./schema/summary.ts";
import { moments, quantile } from "./statistics.ts";

/** What a verdict looks at in one measurement's records, before any threshold. */
export interface Observations {
  /** Sent − scheduled, ms, of all requests that were sent; null without any. */
  readonly scheduleLagMs: { readonly p50: number; readonly p99: number; readonly max: number } | null;
  /** The same without the time in which the cap on concurrency held requests back: the client's own lag. */
  readonly clientLagMs: { readonly mean: number; readonly p50: number; readonly p99: number } | null;
  /** TTFT from the send, without the lag before it; quantiles of the sample, however small; null without any. */
  readonly sendTtftMs: { readonly p50: number; readonly p99: number } | null;
  /**
   * Share by which requests were sent below the offered rate, and the part the client alone answers for. Closed loop:
   * the share of their time that streams stood idle between an answer's end and the next request.
   */
  readonly rateShortfall: number;
  readonly clientRateShortfall: number;
  /** Requests that the cap on concurrency held back. */
  readonly heldBack: number;
  /** Mean distance of output tokens from the target, as a share of it; null where no tokens are counted. */
  readonly outputOffTarget: number | null;
  /** Answers that ended well; those of them without a token count; those whose TPOT had to assume one token. */
  readonly answers: number;
  readonly withoutUsage: number;
  readonly firstChunkAssumed: number;
  /** Cached share of prompt tokens; null where the server does not say. */
  readonly cachedShare: number | null;
  /** Latencies that were not the same all the time. */
  readonly unsteady: readonly UnsteadyLatency[];
  /** What most of the failed requests failed of; null where none did. */
  readonly commonFailure: string | null;
}

export function observe(sample: Sample): Observations {
  const { table, load } = sample;
  const { lag, clientLag, heldBack } = scheduleLags(table, load);
  const ttft = Float64Array.from(sample.ok, (i) => ttftMs(table, i))
    .filter((ms) => !Number.isNaN(ms))
    .sort();
  const answered = Array.from({ length: table.count }, (_, i) => i).filter(
    (i) => table.outcome[i] === Outcome.ok,
  );
  const counted = answered.filter((i) => !Number.isNaN(table.outputTokens[i]));
  const target = load.outputTokens;
  const off = counted.map((i) => Math.abs((table.outputTokens[i] as number) - target) / target);
  const told = answered.filter(
    (i) => !Number.isNaN(table.cachedTokens[i]) && (table.promptTokens[i] as number) > 0,
  );
  const sum = (indices: readonly number[], column: Float64Array): number =>
    indices.reduce((total, i) => total + (column[i] as number), 0);
  return {
    scheduleLagMs:
      lag.length === 0
        ? null
        : { p50: quantile(lag, 0.5), p99: quantile(lag, 0.99), max: lag[lag.length - 1] as number },
    clientLagMs: clientLag.length === 0 ? null : lagOf(clientLag.slice().sort()),
    sendTtftMs: ttft.length === 0 ? null : { p50: quantile(ttft, 0.5), p99: quantile(ttft, 0.99) },
    ...rateShortfalls(table, load, clientLag),
    heldBack,
    outputOffTarget: off.length === 0 ? null : off.reduce((total, share) => total + share, 0) / off.length,
    answers: answered.length,
    withoutUsage: answered.length - counted.length,
    firstChunkAssumed: counted.filter(
      (i) => Number.isNaN(table.firstChunkTokens[i]) && !Number.isNaN(tpotMs(table, i)),
    ).length,
    cachedShare: told.length === 0 ? null : sum(told, table.cachedTokens) / sum(told, table.promptTokens),
    unsteady: findUnsteadyLatencies(sample),
    commonFailure: [...table.failures].sort(([, a], [, b]) => b - a)[0]?.[0] ?? null,
  };
}

function lagOf(sorted: Float64Array): NonNullable<Observations["clientLagMs"]> {
  return { mean: moments(sorted).mean, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
}

/** Requests by their end; `planned` is what was asked for, where that is a number. */
export function countRequests(table: RequestTable, planned: number): RequestCounts {
  const counts = { planned, ok: 0, failed: 0, timedOut: 0, cancelled: 0 };
  for (const outcome of table.outcome) {
    if (outcome === Outcome.ok) counts.ok++;
    else if (outcome === Outcome.timedOut) counts.timedOut++;
    else if (outcome === Outcome.cancelled) counts.cancelled++;
    else counts.failed++;
  }
  return counts;
}

/**
 * Lags in ms: `lag` sorted, `clientLag` in the order of `sentIndices`. A request that was due while the cap was
 * reached is the client's business only from the moment at which an answer made room.
 */
function scheduleLags(
  table: RequestTable,
  load: LoadSetting,
): { lag: Float64Array; clientLag: Float64Array; heldBack: number } {
  const sent = sentIndices(table);
  const cap = load.arrival === "closed" ? undefined : load.maxConcurrency;
  const sends = Float64Array.from(sent, (i) => table.sent[i] as number).sort();
  const ends = Float64Array.from(sent, (i) => table.end[i] as number).sort();
  // What the cap still held back when the point ended was never sent.
  let heldBack =
    cap === undefined
      ? 0
      : table.sent.filter((at, i) => Number.isNaN(at) && table.outcome[i] === Outcome.cancelled).length;
  const clientLag = Float64Array.from(sent, (i) => {
    const scheduledUs = table.scheduled[i] as number;
    const sentUs = table.sent[i] as number;
    let dueUs = scheduledUs;
    const waited = sentUs > scheduledUs;
    if (cap !== undefined && waited && countUpTo(sends, scheduledUs) - countUpTo(ends, scheduledUs) >= cap) {
      heldBack++;
      const ended = countUpTo(ends, sentUs);
      if (ended > 0) dueUs = Math.max(scheduledUs, ends[ended - 1] as number);
    }
    return (sentUs - dueUs) / 1000;
  });
  const lag = Float64Array.from(
    sent,
    (i) => ((table.sent[i] as number) - (table.scheduled[i] as number)) / 1000,
  );
  return { lag: lag.sort(), clientLag, heldBack };
}

/**
 * Open loop: how much longer the sends were spread than the schedule they follow, as a share of the offered rate. The
 * schedule itself is what was offered: a Poisson process need not meet its mean in a short time. Closed loop: a stream
 * that stands idle a share of its time sends so many fewer requests than one that never does.
 */
function rateShortfalls(
  table: RequestTable,
  load: LoadSetting,
  clientLag: Float64Array,
): { rateShortfall: number; clientRateShortfall: number } {
  const sent = sentIndices(table);
  if (load.arrival === "closed") {
    const idle = idleShare(table, sent);
    return { rateShortfall: idle, clientRateShortfall: idle };
  }
  if (sent.length < 2) return { rateShortfall: 0, clientRateShortfall: 0 };
  const span = (at: (position: number) => number): number => {
    let first = Number.POSITIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    for (let position = 0; position < sent.length; position++) {
      first = Math.min(first, at(position));
      last = Math.max(last, at(position));
    }
    return last - first;
  };
  const scheduled = (position: number): number => table.scheduled[sent[position] as number] as number;
  const offered = span(scheduled);
  const shortfall = (taken: number): number => (taken > offered ? 1 - offered / taken : 0);
  return {
    rateShortfall: shortfall(span((position) => table.sent[sent[position] as number] as number)),
    clientRateShortfall: shortfall(
      span((position) => scheduled(position) + (clientLag[position] as number) * 1000),
    ),
  };
}

/** Time from when streams were free to when they sent, as a share of that time and the requests' own. */
function idleShare(table: RequestTable, sent: readonly number[]): number {
  let idleUs = 0;
  let wholeUs = 0;
  for (const i of sent) {
    const scheduledUs = table.scheduled[i] as number;
    idleUs += (table.sent[i] as number) - scheduledUs;
    wholeUs += (table.end[i] as number) - scheduledUs;
  }
  return wholeUs > 0 ? idleUs / wholeUs : 0;
}

function sentIndices(table: RequestTable): number[] {
  return Array.from({ length: table.count }, (_, i) => i).filter((i) => !Number.isNaN(table.sent[i]));
}

/** How many of the sorted values are at most `limit`. */
function countUpTo(sorted: Float64Array, limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
