import type { GapRun } from "./gap-runs.ts";
import { ttftMs } from "./latencies.ts";
import type { Observations } from "./observations.ts";
import type { Sample } from "./sample.ts";
import type { ClientError, LatencySummary, Metrics } from "./schema/metrics.ts";
import { moments, quantile } from "./statistics.ts";

/** What the client added to times that are known: a replay of the load to a null server. Microseconds, write to read. */
export interface KnownDelays {
  /** Of first texts, and of every chunk of each answer. */
  readonly firstDelaysUs: Float64Array;
  readonly delaysUs: readonly Float64Array[];
  /** Gaps as they were read and as they were written. */
  readonly readGapsUs: Float64Array;
  readonly writeGapsUs: Float64Array;
}

/** Stamps that were read beside the load: when, in microseconds of the measurement's clock, and how long after their write. */
export interface ProbeReadings {
  readonly readUs: Float64Array;
  readonly delaysUs: Float64Array;
}

/** Fewer first texts than these say less than all chunks do. */
const FEWEST_FIRST = 20;
/** Chunks' delays that are drawn from, at most. */
const MOST_DELAYS = 50_000;
const RESAMPLES = 20;
/** Recorded times are whole microseconds, and so are the stamps they are held against. */
const RESOLUTION_MS = 0.002;
/** A stamp says nothing of what was read longer before or after. */
const PROBE_REACH_US = 25_000;

type Delay = (place: number) => number;

/**
 * What the client itself may have added to the statistics of a measurement, milliseconds either way. Each time was read
 * later than it was written by about as much as the probe's stamps next to it were, and at least as in the replay. The
 * bar is how far a statistic moves when these delays are taken off, or added once more (simulation-extrapolation: Cook
 * and Stefanski, JASA 89 (1994) 1314), whichever is more, in the resample that moves it most. What it covers:
 * docs/metrics.md.
 */
export function withErrorBars(
  metrics: Metrics,
  sample: Sample,
  seen: Observations,
  known: KnownDelays,
  probe: ProbeReadings,
): Metrics {
  const chunks = flatten(known.delaysUs);
  const first = known.firstDelaysUs.length >= FEWEST_FIRST ? known.firstDelaysUs : chunks;
  if (first.length === 0) return metrics;
  const delayAt = createDelayAt(probe);
  const inMs = (us: number) => us / 1000;
  const probed = statisticsOf(probe.delaysUs.map(inMs));
  const ttft = largest(barOfTtft(sample, first, delayAt), largest(statisticsOf(first.map(inMs)), probed));
  const gaps = largest(barOfGaps(sample.arrivals.gapRuns, chunks, delayAt, known), {
    mean: 0,
    p50: 0,
    p99: Math.max(statisticsOf(chunks.map(inMs)).p99, probed.p99),
  });
  const barred: Metrics = {
    ...metrics,
    ttftMs: withBar(metrics.ttftMs, ttft),
    interChunkMs: withBar(metrics.interChunkMs, gaps),
  };
  if (metrics.itlMs !== undefined) barred.itlMs = withBar(metrics.itlMs, gaps);
  // From the scheduled time on, what the client sent late is its own as well.
  if (metrics.userTtftMs !== undefined) {
    const late = (name: keyof ClientError) => Math.max(0, seen.clientLagMs?.[name] ?? 0);
    barred.userTtftMs = withBar(metrics.userTtftMs, {
      mean: ttft.mean + late("mean"),
      p50: ttft.p50 + late("p50"),
      p99: ttft.p99 + late("p99"),
    });
  }
  return barred;
}

/** The widest of several measurements' bars, for the point that they are of; none where one has none. */
export function mergeErrorBars(metrics: Metrics, parts: readonly Metrics[]): Metrics {
  const merged = { ...metrics };
  for (const name of ["ttftMs", "interChunkMs", "itlMs", "userTtftMs"] as const) {
    const summary = metrics[name];
    const bars = parts.flatMap((part) => part[name]?.clientErrorMs ?? []);
    if (summary === undefined || bars.length < parts.length) continue;
    const widest = (key: keyof ClientError) => Math.max(...bars.map((bar) => bar[key]));
    merged[name] = withBar(summary, { mean: widest("mean"), p50: widest("p50"), p99: widest("p99") });
  }
  return merged;
}

function withBar(summary: LatencySummary, bar: ClientError): LatencySummary {
  return summary.count === 0 ? summary : { ...summary, clientErrorMs: bar };
}

function barOfTtft({ table, ok }: Sample, delaysUs: Float64Array, delayAt: Delay): ClientError {
  const requests = Array.from(ok).filter((i) => Number.isFinite(ttftMs(table, i)));
  const values = Float64Array.from(requests, (i) => ttftMs(table, i));
  const probed = Float64Array.from(requests, (i) => delayAt(table.firstText[i] as number));
  const before = statisticsOf(values);
  return resample(before, delaysUs, (replayed) => {
    const delayMs = probed.map((us, k) => Math.max(us, replayed(k)) / 1000);
    return [
      statisticsOf(values.map((value, k) => value + (delayMs[k] as number))),
      statisticsOf(values.map((value, k) => value - (delayMs[k] as number))),
    ];
  });
}

/**
 * A gap is lengthened by the delay at its end and shortened by the one at its beginning. Among the longest gaps the two
 * need not even out: a 99th percentile may be off by either alone.
 */
function barOfGaps(
  runs: readonly GapRun[],
  delaysUs: Float64Array,
  delayAt: Delay,
  known: KnownDelays,
): ClientError {
  const times = runs.map(timesOf);
  const probed = times.map((run) => run.map(delayAt));
  const before = statisticsOf(gapsOf(times, () => 0));
  const moved = resample(before, delaysUs, (replayed) => {
    let read = 0;
    const delays = probed.map((run) => run.map((us) => Math.max(us, replayed(read++))));
    const at = (run: number, k: number) => delays[run]?.[k] as number;
    const oneEnd = (end: (run: number, k: number) => number) => ({
      ...before,
      p99: statisticsOf(gapsBy(times, end)).p99,
    });
    return [
      statisticsOf(gapsOf(times, at)),
      statisticsOf(gapsOf(times, (run, k) => -at(run, k))),
      oneEnd((run, k) => at(run, k - 1)),
      oneEnd((run, k) => -at(run, k)),
    ];
  });
  const inMs = (us: number) => us / 1000;
  return largest(
    moved,
    distance(statisticsOf(known.readGapsUs.map(inMs)), statisticsOf(known.writeGapsUs.map(inMs))),
  );
}

function timesOf({ firstUs, gapsUs }: GapRun): Float64Array {
  const times = new Float64Array(gapsUs.length + 1);
  times[0] = firstUs;
  for (const [k, gap] of gapsUs.entries()) times[k + 1] = (times[k] as number) + gap;
  return times;
}

/** Gaps in ms of times that are moved; what then comes no later than the one before it comes with it. */
function gapsOf(times: readonly Float64Array[], moveUs: (run: number, k: number) => number): number[] {
  const gaps: number[] = [];
  for (const [run, readUs] of times.entries()) {
    let lastUs = (readUs[0] as number) + moveUs(run, 0);
    for (let k = 1; k < readUs.length; k++) {
      const atUs = (readUs[k] as number) + moveUs(run, k);
      if (atUs <= lastUs) continue;
      gaps.push((atUs - lastUs) / 1000);
      lastUs = atUs;
    }
  }
  return gaps;
}

/** Gaps in ms, each made longer by so many microseconds, or shorter until nothing is left. */
function gapsBy(times: readonly Float64Array[], longerUs: (run: number, k: number) => number): number[] {
  return times.flatMap((readUs, run) =>
    Array.from(readUs.subarray(1), (us, k) =>
      Math.max(0, (us - (readUs[k] as number) + longerUs(run, k + 1)) / 1000),
    ),
  );
}

/**
 * How far statistics move in the resample that moves them most. The replay's delays are laid over the
 * measurement in their order, each time from another one on: the same for the same input.
 */
function resample(
  before: ClientError,
  delaysUs: Float64Array,
  move: (replayed: Delay) => readonly ClientError[],
): ClientError {
  return Array.from({ length: RESAMPLES }, (_, r) => {
    const offset = Math.floor((r * delaysUs.length) / RESAMPLES);
    const moved = move((place) => delaysUs[(offset + place) % delaysUs.length] as number);
    return moved.map((after) => distance(after, before)).reduce(largest);
  }).reduce(largest);
}

function statisticsOf(values: ArrayLike<number>): ClientError {
  if (values.length === 0) return { mean: 0, p50: 0, p99: 0 };
  const sorted = Float64Array.from(values).sort();
  return { mean: moments(sorted).mean, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
}

function distance(a: ClientError, b: ClientError): ClientError {
  return { mean: Math.abs(a.mean - b.mean), p50: Math.abs(a.p50 - b.p50), p99: Math.abs(a.p99 - b.p99) };
}

function largest(a: ClientError, b: ClientError): ClientError {
  const of = (name: keyof ClientError) => Math.max(RESOLUTION_MS, a[name], b[name]);
  return { mean: of("mean"), p50: of("p50"), p99: of("p99") };
}

/** How late what was read at a time may have been read: as late as the stamp that was read next to it. */
function createDelayAt({ readUs, delaysUs }: ProbeReadings): Delay {
  const typical = delaysUs.length === 0 ? 0 : quantile(delaysUs.slice().sort(), 0.5);
  return (atUs) => {
    let low = 0;
    let high = readUs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((readUs[middle] as number) < atUs) low = middle + 1;
      else high = middle;
    }
    const awayUs = (k: number) => Math.abs((readUs[k] ?? Number.POSITIVE_INFINITY) - atUs);
    const nearest = awayUs(low - 1) < awayUs(low) ? low - 1 : low;
    // Stamps that had waited together were read at once: the first of them waited longest.
    if (awayUs(nearest) > PROBE_REACH_US) return typical;
    let first = nearest;
    let last = nearest;
    while (readUs[first - 1] === readUs[nearest]) first--;
    while (readUs[last + 1] === readUs[nearest]) last++;
    return delaysUs.subarray(first, last + 1).reduce((most, us) => Math.max(most, us), 0);
  };
}

function flatten(runs: readonly Float64Array[]): Float64Array {
  const total = runs.reduce((sum, run) => sum + run.length, 0);
  const all = new Float64Array(Math.min(total, MOST_DELAYS));
  let at = 0;
  for (const run of runs) {
    const room = all.length - at;
    if (room === 0) break;
    all.set(run.subarray(0, room), at);
    at += Math.min(run.length, room);
  }
  return all;
}
