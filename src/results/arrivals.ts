import type { RequestRecord } from "../load/record.ts";
import { type GapRun, GapRuns } from "./gap-runs.ts";
import { GapSample } from "./gap-sample.ts";
import { outputTokensOf, type RecordSource } from "./request-table.ts";
import type { Window } from "./window.ts";

/** Equal parts of a window whose rates give the interval of a throughput. */
export const SLICES = 10;

/** What is only in the chunks of a measurement's records. */
export interface Arrivals {
  /** Output tokens that arrived in each slice of the window; empty without one. */
  readonly tokensPerSlice: Float64Array;
  /** Gaps between reads with generated text, of the requests that count. */
  readonly gaps: GapSample;
  /** Some of them in their order, request by request. */
  readonly gapRuns: readonly GapRun[];
  readonly chunksPerRead: Readonly<Record<string, number>>;
}

/** Second pass over a measurement's records. `counts(i)`: the i-th record's latencies count. */
export async function collectArrivals(
  source: RecordSource,
  window: Window | null,
  counts: (index: number) => boolean,
): Promise<Arrivals> {
  const tokensPerSlice = new Float64Array(window === null ? 0 : SLICES);
  const gaps = new GapSample();
  const gapRuns = new GapRuns();
  const chunksPerRead: Record<string, number> = {};
  let index = 0;
  for await (const record of source()) {
    if (window !== null) addTokens(record, window, tokensPerSlice);
    if (counts(index++)) {
      gaps.addRequest(record.reads.gapsUs);
      gapRuns.addRequest(record.firstTextUs ?? 0, record.reads.gapsUs);
      for (const chunks of record.reads.chunks) chunksPerRead[chunks] = (chunksPerRead[chunks] ?? 0) + 1;
    }
  }
  return { tokensPerSlice, gaps, gapRuns: gapRuns.runs, chunksPerRead };
}

/**
 * Adds a request's output tokens to the slices in which they arrived: over its chunks by the server's count of each,
 * scaled to its total, else evenly. Without any text they arrived at its end. The window's own end is outside.
 */
function addTokens(record: RequestRecord, window: Window, slices: Float64Array): void {
  const total = outputTokensOf(record);
  if (total === undefined || total === 0) return;
  const length = window.endUs - window.startUs;
  const add = (atUs: number, tokens: number): void => {
    if (atUs < window.startUs || atUs >= window.endUs) return;
    const slice = Math.min(slices.length - 1, Math.floor(((atUs - window.startUs) / length) * slices.length));
    slices[slice] = (slices[slice] as number) + tokens;
  };
  const { gapsUs, chunks } = record.reads;
  const chunkCount = chunks.reduce((sum, inRead) => sum + inRead, 0);
  if (record.firstTextUs === undefined || chunkCount === 0) {
    add(record.endUs, total);
    return;
  }
  const perChunk = countsOfChunks(record, chunkCount);
  let at = record.firstTextUs;
  let chunk = 0;
  for (let read = 0; read < chunks.length; read++) {
    at += gapsUs[read] as number;
    const inRead = chunks[read] as number;
    let weight = 0;
    for (let k = 0; k < inRead; k++, chunk++)
      weight += perChunk === undefined ? 1 : (perChunk.counts[chunk] as number);
    add(at, (total * weight) / (perChunk?.sum ?? chunkCount));
  }
}

function countsOfChunks(
  record: RequestRecord,
  chunkCount: number,
): { readonly counts: readonly number[]; readonly sum: number } | undefined {
  const counts = record.tokens.perChunk;
  if (counts === undefined || counts.length !== chunkCount) return undefined;
  const sum = counts.reduce((total, tokens) => total + tokens, 0);
  return sum > 0 ? { counts, sum } : undefined;
}
