import type { RequestTable } from "./request-table.ts";

/** Latencies of request `i` of a table, milliseconds; NaN where it has none. Definitions: docs/metrics.md. */

/** First generated text − sent. */
export function ttftMs(table: RequestTable, i: number): number {
  return (at(table.firstText, i) - at(table.sent, i)) / 1000;
}

/** Last generated text − sent. */
export function e2eMs(table: RequestTable, i: number): number {
  return (at(table.lastText, i) - at(table.sent, i)) / 1000;
}

/** First generated text − scheduled. */
export function userTtftMs(table: RequestTable, i: number): number {
  return (at(table.firstText, i) - at(table.scheduled, i)) / 1000;
}

/** Last generated text − scheduled. */
export function userE2eMs(table: RequestTable, i: number): number {
  return (at(table.lastText, i) - at(table.scheduled, i)) / 1000;
}

/**
 * (Last generated text − first generated text) / (output tokens − tokens in the first chunk). Where the server does
 * not say how many those were it is 1; an end token without text is taken off. NaN when no token is left.
 */
export function tpotMs(table: RequestTable, i: number): number {
  const tokens = tokensAfterFirstChunk(table, i);
  return tokens > 0 ? (at(table.lastText, i) - at(table.firstText, i)) / tokens / 1000 : Number.NaN;
}

/** Tokens that came after the first chunk; NaN where the server does not count them. */
export function tokensAfterFirstChunk(table: RequestTable, i: number): number {
  const first = at(table.firstChunkTokens, i);
  return at(table.outputTokens, i) - at(table.endToken, i) - (Number.isNaN(first) ? 1 : first);
}

/** Output tokens a second of E2E: what the one user of this request sees. */
export function tokensPerSecond(table: RequestTable, i: number): number {
  return (at(table.outputTokens, i) / e2eMs(table, i)) * 1000;
}

function at(column: Float64Array, i: number): number {
  return column[i] as number;
}
