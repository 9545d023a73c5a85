import type { KnownDelays } from "./error-bars.ts";
import type { Instrument } from "./schema/summary.ts";
import { quantile } from "./statistics.ts";

/** A replay as it was made; times in microseconds. */
export interface PlayedReplay extends KnownDelays {
  readonly lengthUs: number;
  readonly streams: number;
  readonly chunks: number;
  readonly sendUs: Float64Array;
  /** Delays of the probe meanwhile. */
  readonly probeUs: Float64Array;
  readonly cpuMs: number;
  readonly unfinished: number;
}

/** What is kept of a replay. */
export function summariseReplay(played: PlayedReplay): NonNullable<Instrument["replay"]> {
  const chunks = played.delaysUs.flatMap((delays) => Array.from(delays));
  const sorted = Float64Array.from(chunks).sort();
  const at = (share: number) => (sorted.length === 0 ? 0 : quantile(sorted, share) / 1000);
  return {
    seconds: played.lengthUs / 1e6,
    connections: played.streams,
    chunks: played.chunks,
    floorMs: at(0.05),
    jitterMs: at(0.99) - at(0.5),
    chunkDelayMs: delaysOf(sorted),
    ...(played.firstDelaysUs.length === 0
      ? {}
      : { firstTextDelayMs: delaysOf(played.firstDelaysUs.slice().sort()) }),
    sendDelayMs: delaysOf(played.sendUs.slice().sort()),
    probeDelayMs: delaysOf(played.probeUs.slice().sort()),
    cpuShare: (played.cpuMs * 1000) / played.lengthUs,
    capacityChunksPerSecond: played.cpuMs === 0 ? 0 : (played.chunks * 1000) / played.cpuMs,
    unfinished: played.unfinished,
  };
}

/** Of sorted microseconds. */
export function delaysOf(sortedUs: Float64Array): NonNullable<Instrument["readDelayMs"]> {
  const { length } = sortedUs;
  if (length === 0) return { count: 0, p50: 0, p99: 0, max: 0 };
  return {
    count: length,
    p50: quantile(sortedUs, 0.5) / 1000,
    p99: quantile(sortedUs, 0.99) / 1000,
    max: (sortedUs[length - 1] as number) / 1000,
  };
}
