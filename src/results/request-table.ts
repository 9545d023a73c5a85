import type { RequestRecord } from "../load/record.ts";

/** The records of one measurement. Read more than once: each call starts from the first record again. */
export type RecordSource = () => AsyncIterable<RequestRecord> | Iterable<RequestRecord>;

export const Outcome = { ok: 0, failed: 1, timedOut: 2, cancelled: 3 } as const;

/** A column of numbers that grows; NaN stands for "absent". */
class Column {
  #values = new Float64Array(64);
  #length = 0;

  push(value: number | undefined): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(this.#length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value ?? Number.NaN;
  }

  view(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }
}

/**
 * What is kept of each request while its chunks are let go: one number a request and column, in the order of the
 * file. Times are microseconds of the measurement's clock; NaN where there is none.
 */
export interface RequestTable {
  readonly count: number;
  readonly outcome: Float64Array;
  /** 1 where the request came before the C-th stream's first, in a closed loop. */
  readonly ramp: Float64Array;
  readonly scheduled: Float64Array;
  readonly sent: Float64Array;
  readonly firstText: Float64Array;
  readonly lastText: Float64Array;
  readonly end: Float64Array;
  readonly promptTokens: Float64Array;
  /** By usage, else the sum of the chunks' counts. */
  readonly outputTokens: Float64Array;
  readonly cachedTokens: Float64Array;
  /** Tokens in the first chunk, where the server says or there are as many chunks as tokens. */
  readonly firstChunkTokens: Float64Array;
  /** 1 where the output tokens include an end token that has no text. */
  readonly endToken: Float64Array;
  /** Chunks with generated text. */
  readonly chunks: Float64Array;
  /** 1 where each of them is one token. */
  readonly oneTokenAChunk: Float64Array;
  /** Finish reasons of requests that ended well. */
  readonly finish: Readonly<Record<string, number>>;
  /** What failed requests failed of, and how often each came; time-outs and cancellations have no more to say. */
  readonly failures: ReadonlyMap<string, number>;
  readonly reads: number;
  readonly coalescedReads: number;
  readonly connections: { readonly opened: number; readonly reused: number };
}

/** First pass over a measurement's records. `endTokenCounted` is the dialect's (RecordHeader). */
export async function tabulateRequests(
  source: RecordSource,
  endTokenCounted: boolean,
): Promise<RequestTable> {
  const columns = {
    outcome: new Column(),
    ramp: new Column(),
    scheduled: new Column(),
    sent: new Column(),
    firstText: new Column(),
    lastText: new Column(),
    end: new Column(),
    promptTokens: new Column(),
    outputTokens: new Column(),
    cachedTokens: new Column(),
    firstChunkTokens: new Column(),
    endToken: new Column(),
    chunks: new Column(),
    oneTokenAChunk: new Column(),
  };
  const finish: Record<string, number> = {};
  const failures = new Map<string, number>();
  let count = 0;
  let reads = 0;
  let coalescedReads = 0;
  let opened = 0;
  let reused = 0;
  for await (const record of source()) {
    const outcome = outcomeOf(record);
    let chunks = 0;
    for (const inRead of record.reads.chunks) {
      chunks += inRead;
      if (inRead > 1) coalescedReads++;
    }
    reads += record.reads.chunks.length;
    if (record.connection.reused) reused++;
    else if (record.sentUs !== undefined) opened++;
    if (outcome === Outcome.ok && record.finish !== undefined)
      finish[record.finish] = (finish[record.finish] ?? 0) + 1;
    if (outcome === Outcome.failed) countFailure(failures, record.error?.message ?? "");
    columns.outcome.push(outcome);
    columns.ramp.push(record.phase === "ramp" ? 1 : 0);
    columns.scheduled.push(record.scheduledUs);
    columns.sent.push(record.sentUs);
    columns.firstText.push(record.firstTextUs);
    columns.lastText.push(record.lastTextUs);
    columns.end.push(record.endUs);
    columns.promptTokens.push(record.tokens.prompt);
    columns.outputTokens.push(outputTokensOf(record));
    columns.cachedTokens.push(record.tokens.cached);
    const endTokens = endTokenCounted && record.finish === "stop" ? 1 : 0;
    const oneTokenAChunk = isOneTokenAChunk(record, chunks, endTokens);
    columns.firstChunkTokens.push(
      record.tokens.firstChunk ?? record.tokens.perChunk?.[0] ?? (oneTokenAChunk ? 1 : undefined),
    );
    columns.endToken.push(endTokens);
    columns.oneTokenAChunk.push(oneTokenAChunk ? 1 : 0);
    columns.chunks.push(chunks);
    count++;
  }
  const views = Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, column.view()]),
  ) as {
    [Name in keyof typeof columns]: Float64Array;
  };
  return { count, ...views, finish, failures, reads, coalescedReads, connections: { opened, reused } };
}

/** Messages may name what differs from request to request: those that come first stand for all. */
const mostFailures = 50;

function countFailure(failures: Map<string, number>, message: string): void {
  const seen = failures.get(message);
  if (seen !== undefined || failures.size < mostFailures) failures.set(message, (seen ?? 0) + 1);
}

/** Output tokens by usage, else by the server's counts of each chunk, else undefined. */
export function outputTokensOf(record: RequestRecord): number | undefined {
  return record.tokens.output ?? record.tokens.perChunk?.reduce((sum, tokens) => sum + tokens, 0);
}

/** Output tokens after the first chunk, which holds one where nobody says; NaN where none are counted. */
export function tokensAfterFirst(record: RequestRecord, endTokenCounted: boolean): number {
  const { firstChunk, perChunk } = record.tokens;
  const endTokens = endTokenCounted && record.finish === "stop" ? 1 : 0;
  return (outputTokensOf(record) ?? Number.NaN) - endTokens - (firstChunk ?? perChunk?.[0] ?? 1);
}

/**
 * Every chunk of an answer is one token: the server counts them so, or there are as many chunks with text as tokens
 * (none has text without a token, so none can have two). `endTokens`: 1 where the count includes one without text.
 */
function isOneTokenAChunk(record: RequestRecord, chunks: number, endTokens: number): boolean {
  const { perChunk, output } = record.tokens;
  if (chunks === 0) return false;
  if (perChunk !== undefined) return perChunk.every((tokens) => tokens === 1);
  return output !== undefined && output - endTokens === chunks;
}

function outcomeOf(record: RequestRecord): number {
  if (record.error === undefined) return Outcome.ok;
  if (record.error.kind === "timeout") return Outcome.timedOut;
  return record.error.kind === "cancelled" ? Outcome.cancelled : Outcome.failed;
}
