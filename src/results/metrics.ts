import type { SloPlan } from "../config/plan.ts";
import { SLICES } from "./arrivals.ts";
import { GapSample } from "./gap-sample.ts";
import {
  e2eMs,
  tokensAfterFirstChunk,
  tokensPerSecond,
  tpotMs,
  ttftMs,
  userE2eMs,
  userTtftMs,
} from "./latencies.ts";
import { widenByOwn, widenLatency, widenRate, widenShare } from "./repetitions.ts";
import { Outcome, type RequestTable } from "./request-table.ts";
import type { Sample } from "./sample.ts";
import type { Goodput, LatencySummary, Metrics, RateSummary } from "./schema/metrics.ts";
import { fromZero, meanInterval, moments, summariseLatency, wilsonInterval } from "./statistics.ts";
import { startTimes } from "./window.ts";

/** Fewest requests for the interval of a throughput. */
const MIN_FOR_RATE = 30;

/**
 * Metrics of one measurement, or of a point from the samples of all its measurements (at least one, of one load).
 * `seed` decides the resampling behind the intervals of pooled gaps.
 */
export function computeMetrics(samples: readonly Sample[], slos: SloPlan | undefined, seed: number): Metrics {
  const load = (samples[0] as Sample).load;
  const open = load.arrival !== "closed";
  const gaps =
    samples.length === 1
      ? (samples[0] as Sample).arrivals.gaps
      : GapSample.merge(samples.map((s) => s.arrivals.gaps));
  const interChunkMs = widenByOwn(
    gaps.summarise(seed),
    samples.length === 1 ? [] : samples.map((sample) => sample.arrivals.gaps.own()),
  );
  const windowSeconds = sumOf(samples, secondsOf);
  const tokens = tokenTotals(samples);
  const metrics: Metrics = {
    ttftMs: latency(samples, ttftMs),
    tpotMs: latency(samples, tpotMs),
    interChunkMs,
    e2eMs: latency(samples, e2eMs),
    outputTokensPerSecond: windowRate(samples, (sample) =>
      countsTokens(sample) ? sample.arrivals.tokensPerSlice : undefined,
    ),
    outputTokensPerSecondFullRun: fullRunRate(samples),
    requestsPerSecond: windowRate(samples, completionsPerSlice),
    outputTokensPerSecondPerUser: meanOf(samples, tokensPerSecond),
    windowSeconds: windowSeconds === 0 ? null : windowSeconds,
    tokens: { ...tokens, outputTarget: load.outputTokens },
    finish: addCounts(samples.map((sample) => sample.table.finish)),
    chunkTotal: chunkTotal(samples),
    chunksPerRead: addCounts(samples.map((sample) => sample.arrivals.chunksPerRead)),
    tokensPerChunkMean: tokensPerChunk(samples),
  };
  if (samples.every((sample) => sample.oneTokenAChunk)) metrics.itlMs = interChunkMs;
  if (open) {
    metrics.userTtftMs = latency(samples, userTtftMs);
    metrics.userE2eMs = latency(samples, userE2eMs);
  }
  const goodput = slos === undefined ? undefined : computeGoodput(samples, slos, open);
  if (goodput !== undefined) metrics.goodput = goodput;
  return metrics;
}

/** Values of a latency of the requests that count and have one, in sending order, and where each sample begins. */
export function latencyValues(
  samples: readonly Sample[],
  of: (table: RequestTable, i: number) => number,
): { values: Float64Array; starts: ReadonlySet<number> } {
  const values: number[] = [];
  const starts = new Set<number>();
  for (const { table, ok } of samples) {
    starts.add(values.length);
    for (const i of ok) {
      const value = of(table, i);
      if (Number.isFinite(value)) values.push(value);
    }
  }
  return { values: Float64Array.from(values), starts };
}

function latency(samples: readonly Sample[], of: (table: RequestTable, i: number) => number): LatencySummary {
  const { values, starts } = latencyValues(samples, of);
  return widenLatency(summariseLatency(values, starts), values, starts);
}

function meanOf(samples: readonly Sample[], of: (table: RequestTable, i: number) => number): number | null {
  const { values } = latencyValues(samples, of);
  return values.length === 0 ? null : moments(values).mean;
}

function secondsOf(sample: Sample): number {
  return sample.window === null ? 0 : (sample.window.endUs - sample.window.startUs) / 1e6;
}

/** True where the server counted the tokens of at least one answer. */
function countsTokens(sample: Sample): boolean {
  return sample.table.outputTokens.some((tokens) => !Number.isNaN(tokens));
}

/**
 * What arrived in the windows / their length. The interval is t over the rates of equal slices: ten of one window, or
 * as many of each of several windows as make at least ten in all.
 */
function windowRate(
  samples: readonly Sample[],
  slicesOf: (sample: Sample) => Float64Array | undefined,
): RateSummary | null {
  const withWindow = samples.flatMap((sample) => {
    const slices = sample.window === null ? undefined : slicesOf(sample);
    return slices === undefined ? [] : [{ sample, slices, seconds: secondsOf(sample) }];
  });
  if (withWindow.length === 0) return null;
  const total = sumOf(withWindow, ({ slices }) => slices.reduce((sum, amount) => sum + amount, 0));
  const value = total / sumOf(withWindow, ({ seconds }) => seconds);
  const requests = sumOf(withWindow, ({ sample }) => sample.ok.length);
  if (requests < MIN_FOR_RATE) return { value, interval: null };
  const joined = [10, 5, 2, 1].find((size) => size <= withWindow.length) ?? 1;
  const rates = withWindow.flatMap(({ slices, seconds }) => {
    const length = (seconds * joined) / SLICES;
    return Array.from({ length: SLICES / joined }, (_, i) => {
      const amounts = slices.subarray(i * joined, (i + 1) * joined);
      return amounts.reduce((sum, amount) => sum + amount, 0) / length;
    });
  });
  const interval = meanInterval(value, moments(rates).deviation, rates.length);
  const own = withWindow.map(
    ({ slices, seconds }) => slices.reduce((sum, amount) => sum + amount, 0) / seconds,
  );
  return widenRate({ value, interval: interval === undefined ? null : fromZero(interval) }, own);
}

/** Answers that ended well in each slice of the window: their last text (their end, without any) is in it. */
function completionsPerSlice({ table, window }: Sample): Float64Array {
  const slices = new Float64Array(SLICES);
  if (window === null) return slices;
  const length = window.endUs - window.startUs;
  for (let i = 0; i < table.count; i++) {
    if (table.outcome[i] !== Outcome.ok) continue;
    const last = table.lastText[i] as number;
    const at = Number.isNaN(last) ? (table.end[i] as number) : last;
    if (at < window.startUs || at >= window.endUs) continue;
    const slice = Math.min(SLICES - 1, Math.floor(((at - window.startUs) / length) * SLICES));
    slices[slice] = (slices[slice] as number) + 1;
  }
  return slices;
}

/** All output tokens / (last end − first sent); failed requests' tokens too, where the server counted them. */
function fullRunRate(samples: readonly Sample[]): RateSummary | null {
  let tokens = 0;
  let us = 0;
  for (const sample of samples) {
    if (!countsTokens(sample)) continue;
    const { table } = sample;
    let firstSent = Number.POSITIVE_INFINITY;
    let lastEnd = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < table.count; i++) {
      const sent = table.sent[i] as number;
      if (Number.isNaN(sent)) continue;
      firstSent = Math.min(firstSent, sent);
      lastEnd = Math.max(lastEnd, table.end[i] as number);
      tokens += (table.outputTokens[i] as number) || 0;
    }
    if (lastEnd > firstSent) us += lastEnd - firstSent;
  }
  return us === 0 ? null : { value: (tokens / us) * 1e6, interval: null };
}

/**
 * Requests that meet every SLO among those that count. TTFT and E2E are judged as the user has them (from the
 * schedule) in an open loop. An answer of one token has no TPOT to miss; one whose tokens are not counted meets none.
 */
function computeGoodput(samples: readonly Sample[], slos: SloPlan, open: boolean): Goodput | undefined {
  let judged = 0;
  let good = 0;
  let goodBeforeEnd = 0;
  let goodTokens = 0;
  const shares: number[] = [];
  for (const { table, counted, window, load } of samples) {
    const begun = startTimes(table, load);
    const before = { judged, good };
    for (const i of counted) {
      if (table.outcome[i] === Outcome.cancelled && !hasMissed(table, i, begun[i] as number, slos)) continue;
      judged++;
      if (!meetsSlos(table, i, slos, open)) continue;
      good++;
      // The window ends with a send: counting that one too would add a request without its time.
      if (window === null || (begun[i] as number) >= window.endUs) continue;
      goodBeforeEnd++;
      goodTokens += table.outputTokens[i] as number;
    }
    if (judged > before.judged) shares.push((good - before.good) / (judged - before.judged));
  }
  if (judged === 0) return undefined;
  const seconds = sumOf(samples, secondsOf);
  return {
    share: good / judged,
    perSecond: seconds === 0 ? null : goodBeforeEnd / seconds,
    interval: widenShare(good / judged, wilsonInterval(good, judged), shares),
    good,
    judged,
    tokensPerSecond: seconds === 0 || Number.isNaN(goodTokens) ? null : goodTokens / seconds,
  };
}

function meetsSlos(table: RequestTable, i: number, slos: SloPlan, open: boolean): boolean {
  return (
    table.outcome[i] === Outcome.ok &&
    (slos.ttftMs === undefined || (open ? userTtftMs : ttftMs)(table, i) <= slos.ttftMs) &&
    (slos.e2eMs === undefined || (open ? userE2eMs : e2eMs)(table, i) <= slos.e2eMs) &&
    (slos.tpotMs === undefined || tpotMs(table, i) <= slos.tpotMs || tokensAfterFirstChunk(table, i) <= 0)
  );
}

/**
 * Whether a request had missed an SLO already when llmbench cancelled it: one that the cap held back until the end of
 * the point had. Of the others nobody knows, so they are not judged.
 */
function hasMissed(table: RequestTable, i: number, begunUs: number, slos: SloPlan): boolean {
  const waitedMs = ((table.end[i] as number) - begunUs) / 1000;
  const firstText = table.firstText[i] as number;
  const toFirstTextMs = Number.isNaN(firstText) ? waitedMs : (firstText - begunUs) / 1000;
  return (
    toFirstTextMs > (slos.ttftMs ?? Number.POSITIVE_INFINITY) ||
    waitedMs > (slos.e2eMs ?? Number.POSITIVE_INFINITY)
  );
}

/** By usage, of all requests that ended well. */
function tokenTotals(samples: readonly Sample[]): Omit<Metrics["tokens"], "outputTarget"> {
  const known = (pick: (table: RequestTable) => Float64Array): number[] =>
    samples.flatMap(({ table }) =>
      Array.from(pick(table)).filter((tokens, i) => table.outcome[i] === Outcome.ok && !Number.isNaN(tokens)),
    );
  const mean = (values: readonly number[]): number | null =>
    values.length === 0 ? null : moments(values).mean;
  const output = known((table) => table.outputTokens);
  return {
    promptMean: mean(known((table) => table.promptTokens)),
    outputMean: mean(output),
    outputTotal: output.reduce((sum, tokens) => sum + tokens, 0),
    cachedMean: mean(known((table) => table.cachedTokens)),
  };
}

function chunkTotal(samples: readonly Sample[]): number {
  let total = 0;
  for (const { table } of samples)
    for (const [i, chunks] of table.chunks.entries()) if (table.outcome[i] === Outcome.ok) total += chunks;
  return total;
}

/** Output tokens / chunks with text, over the requests that count and whose tokens the server counts. */
function tokensPerChunk(samples: readonly Sample[]): number | null {
  let tokens = 0;
  let chunks = 0;
  for (const { table, ok } of samples) {
    for (const i of ok) {
      if (Number.isNaN(table.outputTokens[i])) continue;
      tokens += table.outputTokens[i] as number;
      chunks += table.chunks[i] as number;
    }
  }
  return chunks === 0 ? null : tokens / chunks;
}

function addCounts(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const one of counts) {
    for (const [key, count] of Object.entries(one)) sum[key] = (sum[key] ?? 0) + count;
  }
  return sum;
}

function sumOf<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}
