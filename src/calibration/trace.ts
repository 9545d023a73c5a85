import type { RequestRecord } from "../load/record.ts";
import type { ReplayScript } from "./messages.ts";

/** Reads that follow each other within this many microseconds had been waiting together: one burst. */
const burstGapUs = 150;
/** And no burst is longer. */
const longestBurstUs = 10_000;
/** In flight already when the slice begins: they are sent over this long before it. */
const leadUs = 200_000;
/** More is not replayed: the slice ends earlier. */
const mostWrites = 300_000;

/** A part of a measurement, to be played again. Times are microseconds since the replay's start. */
export interface Trace {
  readonly script: ReplayScript;
  /** Requests in the order of sending: when each was sent. */
  readonly sentUs: Float64Array;
  /** Of each: it began in the slice, so that its first write is its first text. */
  readonly whole: readonly boolean[];
  /** Of each: how long after its burst began its first read was; it may have waited as long. */
  readonly firstWaitedUs: Float64Array;
  /** Requests that follow each other on one connection; each goes out when the one before has its answer. */
  readonly lanes: readonly (readonly number[])[];
  readonly lengthUs: number;
}

interface Piece {
  readonly sentUs: number;
  readonly endUs: number;
  readonly whole: boolean;
  readonly atUs: number[];
  readonly chunks: number[];
}

/**
 * The middle of a measurement, `lengthUs` at most, from its records: when requests went out and when what came for each
 * was read, reads that were taken together as a burst. Undefined where nothing was read.
 */
export async function traceOf(
  records: AsyncIterable<RequestRecord>,
  span: { readonly firstUs: number; readonly lastUs: number },
  lengthUs: number,
): Promise<Trace | undefined> {
  const middleUs = (span.firstUs + span.lastUs) / 2;
  const fromUs = Math.max(span.firstUs, middleUs - lengthUs / 2);
  const pieces: Piece[] = [];
  for await (const record of records) {
    const piece = pieceOf(record, fromUs, fromUs + lengthUs);
    if (piece !== undefined) pieces.push(piece);
  }
  const kept = cutAt(pieces, timeOfWrite(pieces, mostWrites)).sort((a, b) => a.sentUs - b.sentUs);
  if (kept.length === 0) return undefined;
  const first = (kept[0] as Piece).sentUs;
  const early = kept.filter(({ whole }) => !whole).length;
  const lead = early === 0 ? 0 : leadUs;
  const sentUs = Float64Array.from(kept, (piece, index) =>
    piece.whole ? piece.sentUs - first + lead : (index * lead) / early,
  );
  const script = scriptOf(kept, lead - first);
  return {
    script,
    sentUs,
    whole: kept.map(({ whole }) => whole),
    firstWaitedUs: Float64Array.from(
      kept,
      ({ atUs }, i) =>
        (atUs[0] as number) + lead - first - (script.atUs[script.starts[i] as number] as number),
    ),
    lanes: lanesOf(kept),
    lengthUs: Math.max(...kept.map(({ endUs }) => endUs)) - first + lead,
  };
}

/** What of a request was read in the slice. */
function pieceOf(record: RequestRecord, fromUs: number, toUs: number): Piece | undefined {
  const { sentUs, firstTextUs, reads } = record;
  if (sentUs === undefined || firstTextUs === undefined || sentUs >= toUs) return undefined;
  const atUs: number[] = [];
  const chunks: number[] = [];
  let at = firstTextUs;
  for (const [k, gap] of reads.gapsUs.entries()) {
    at += gap;
    if (at < fromUs || at >= toUs) continue;
    atUs.push(at);
    chunks.push(reads.chunks[k] as number);
  }
  if (atUs.length === 0) return undefined;
  const endUs = Math.min(record.endUs, toUs);
  return { sentUs: Math.max(sentUs, fromUs), endUs, whole: sentUs >= fromUs, atUs, chunks };
}

/** When the n-th write of all goes out; infinite where there are not so many. */
function timeOfWrite(pieces: readonly Piece[], n: number): number {
  const total = pieces.reduce((sum, { atUs }) => sum + atUs.length, 0);
  if (total <= n) return Number.POSITIVE_INFINITY;
  return Float64Array.from(pieces.flatMap(({ atUs }) => atUs)).sort()[n] as number;
}

function cutAt(pieces: readonly Piece[], untilUs: number): Piece[] {
  if (untilUs === Number.POSITIVE_INFINITY) return [...pieces];
  return pieces.flatMap((piece) => {
    const atUs = piece.atUs.filter((at) => at < untilUs);
    if (atUs.length === 0) return [];
    return {
      ...piece,
      atUs,
      chunks: piece.chunks.slice(0, atUs.length),
      endUs: Math.min(piece.endUs, untilUs),
    };
  });
}

/** The pieces' writes, each moved to where its burst began: what was read one after another may have come at once. */
function scriptOf(pieces: readonly Piece[], shiftUs: number): ReplayScript {
  const starts = new Uint32Array(pieces.length + 1);
  for (const [i, { atUs }] of pieces.entries()) starts[i + 1] = (starts[i] as number) + atUs.length;
  const atUs = Float64Array.from(pieces.flatMap((piece) => piece.atUs));
  const order = Uint32Array.from(atUs, (_, write) => write).sort(
    (a, b) => (atUs[a] as number) - (atUs[b] as number),
  );
  const burstAt = new Float64Array(atUs.length);
  let burstUs = Number.NEGATIVE_INFINITY;
  let beforeUs = Number.NEGATIVE_INFINITY;
  for (const write of order) {
    const at = atUs[write] as number;
    if (at - beforeUs > burstGapUs || at - burstUs > longestBurstUs) burstUs = at;
    burstAt[write] = burstUs + shiftUs;
    beforeUs = at;
  }
  return { starts, atUs: burstAt, chunks: Uint32Array.from(pieces.flatMap(({ chunks }) => chunks)) };
}

/** Puts each request on the connection whose last answer ended just before it was sent, else on one that is free. */
function lanesOf(pieces: readonly Piece[]): number[][] {
  const lanes: number[][] = [];
  const busy: { readonly lane: number[]; readonly endUs: number }[] = [];
  const free: number[][] = [];
  const byEnd = (endUs: number) => {
    let low = 0;
    let high = busy.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((busy[middle] as { endUs: number }).endUs < endUs) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  for (const [index, { sentUs, endUs }] of pieces.entries()) {
    while (busy.length > 0 && (busy[0] as { endUs: number }).endUs <= sentUs + 100) {
      const ended = busy.shift();
      if (ended !== undefined) free.push(ended.lane);
    }
    const lane = free.pop() ?? [];
    if (lane.length === 0) lanes.push(lane);
    lane.push(index);
    busy.splice(byEnd(endUs), 0, { lane, endUs });
  }
  return lanes;
}
