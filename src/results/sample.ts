import type { LoadSetting } from "../load/record.ts";
import { type Arrivals, collectArrivals } from "./arrivals.ts";
import { Outcome, type RecordSource, type RequestTable, tabulateRequests } from "./request-table.ts";
import { findWindow, requestsInWindow, type Window } from "./window.ts";

/** One measurement, read: what every metric and verdict is computed from. */
export interface Sample {
  readonly load: LoadSetting;
  readonly table: RequestTable;
  readonly window: Window | null;
  /** Indices of the requests that count (in the window, else all), in sending order. */
  readonly counted: Uint32Array;
  /** Those among them that ended well: the ones latencies are of. */
  readonly ok: Uint32Array;
  readonly arrivals: Arrivals;
  /** Each chunk of those is one token, so that a gap between reads is a time between tokens. */
  readonly oneTokenAChunk: boolean;
}

/** Reads a measurement's records twice: which requests count is known only when all have been seen. */
export async function readSample(
  source: RecordSource,
  load: LoadSetting,
  endTokenCounted: boolean,
): Promise<Sample> {
  const table = await tabulateRequests(source, endTokenCounted);
  const window = findWindow(table, load);
  const counted = requestsInWindow(table, load, window);
  const ok = counted.filter((i) => table.outcome[i] === Outcome.ok);
  const isOk = new Uint8Array(table.count);
  for (const i of ok) isOk[i] = 1;
  const arrivals = await collectArrivals(source, window, (index) => isOk[index] === 1);
  const withText = ok.filter((i) => table.chunks[i] !== 0);
  const oneTokenAChunk = withText.length > 0 && withText.every((i) => table.oneTokenAChunk[i] === 1);
  return { load, table, window, counted, ok, arrivals, oneTokenAChunk };
}
