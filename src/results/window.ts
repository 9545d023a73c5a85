import type { LoadSetting } from "../load/record.ts";
import { Outcome, type RequestTable } from "./request-table.ts";
import { quantile } from "./statistics.ts";

/** The part of a measurement in which the load is at its target; microseconds of the measurement's clock. */
export interface Window {
  readonly startUs: number;
  readonly endUs: number;
}

/** Fewest requests of a measurement for it to have a window: max(5, 3 C). */
export function fewestForWindow(load: { readonly concurrency?: number | undefined }): number {
  return Math.max(5, 3 * (load.concurrency ?? 0));
}

/**
 * Closed loop: from the C-th stream's first send to the last send. Which request is the first of the C-th stream only
 * the load generator knows (between two requests of a stream the number in flight dips), so it marks those before it
 * as ramp. Open loop: from the end of a ramp of 10 % of the schedule, at least one median E2E, to the last scheduled
 * arrival; likewise at least 5 in it. By duration nothing differs: sending stopped at the end.
 * Null where there are too few requests.
 */
export function findWindow(table: RequestTable, load: LoadSetting): Window | null {
  const whole = load.arrival === "closed" ? closedLoopWindow(table, load) : openLoopWindow(table, load);
  const window = whole === null ? null : trimmed(whole, table, load);
  return window !== null && window.endUs > window.startUs ? window : null;
}

function trimmed(window: Window, table: RequestTable, { trim }: LoadSetting): Window {
  if (trim === undefined) return window;
  const [start, end] = trim;
  const first = table.scheduled.reduce((least, at) => Math.min(least, at), Number.POSITIVE_INFINITY);
  const length = window.endUs - first;
  return {
    startUs: Math.max(window.startUs, first + start * length),
    endUs: window.endUs - Math.max(end * length, medianE2eUs(table)),
  };
}

function closedLoopWindow(table: RequestTable, load: LoadSetting): Window | null {
  let sends = 0;
  let startUs = Number.POSITIVE_INFINITY;
  let endUs = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < table.count; i++) {
    const sent = table.sent[i] as number;
    if (Number.isNaN(sent)) continue;
    sends++;
    endUs = Math.max(endUs, sent);
    if (table.ramp[i] === 0) startUs = Math.min(startUs, sent);
  }
  return sends < fewestForWindow(load) ? null : { startUs, endUs };
}

function openLoopWindow(table: RequestTable, load: LoadSetting): Window | null {
  const fewest = fewestForWindow(load);
  if (table.count < fewest) return null;
  let first = Number.POSITIVE_INFINITY;
  let endUs = Number.NEGATIVE_INFINITY;
  for (const scheduled of table.scheduled) {
    first = Math.min(first, scheduled);
    endUs = Math.max(endUs, scheduled);
  }
  const rampEnds = first + Math.max(0.1 * (endUs - first), medianE2eUs(table));
  const inside = table.scheduled.filter((scheduled) => scheduled >= rampEnds);
  return inside.length < fewest ? null : { startUs: rampEnds, endUs };
}

function medianE2eUs(table: RequestTable): number {
  const e2e = table.lastText.map((last, i) => last - (table.sent[i] as number));
  const known = e2e.filter((us, i) => !Number.isNaN(us) && table.outcome[i] === Outcome.ok).sort();
  return known.length === 0 ? 0 : quantile(known, 0.5);
}

/**
 * Indices of the requests that count, in sending order: those sent (open loop: scheduled) in the window, both ends
 * included; all of them where there is no window. A request that never reached a socket counts by its schedule.
 */
export function requestsInWindow(table: RequestTable, load: LoadSetting, window: Window | null): Uint32Array {
  const key = startTimes(table, load);
  const inside: number[] = [];
  for (let i = 0; i < table.count; i++) {
    const at = key[i] as number;
    if (window === null || (at >= window.startUs && at <= window.endUs)) inside.push(i);
  }
  return Uint32Array.from(inside).sort((a, b) => (key[a] as number) - (key[b] as number) || a - b);
}

/** When each request counts as begun: its send, in an open loop its scheduled arrival. */
export function startTimes(table: RequestTable, load: LoadSetting): Float64Array {
  if (load.arrival !== "closed") return table.scheduled;
  return table.sent.map((sent, i) => (Number.isNaN(sent) ? (table.scheduled[i] as number) : sent));
}
