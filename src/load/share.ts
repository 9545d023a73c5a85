import type { LoadSetting } from "./record.ts";

/** The part of a load that one of several workers has: workers are numbered from 0. */
export interface Share {
  readonly worker: number;
  readonly workers: number;
}

/** One worker has it all. */
export const wholeLoad: Share = { worker: 0, workers: 1 };

/** Streams of a closed loop: no more than there are requests. */
export function streamCount(load: LoadSetting): number {
  return Math.min(load.concurrency ?? 1, load.requests ?? Number.POSITIVE_INFINITY);
}

/** Those of a closed loop's streams that are the worker's, by their place among all: every so manieth. */
export function ownStreams(load: LoadSetting, { worker, workers }: Share): number[] {
  return Array.from({ length: streamCount(load) }, (_, k) => k).filter((k) => k % workers === worker);
}

/**
 * Which request is the worker's n-th, 0 first. An open loop's are dealt out in turns. So are a closed loop's over its streams,
 * whoever sends them: with one worker, and by number, that is the order in which they are sent.
 */
export function requestOrder(load: LoadSetting, share: Share): (n: number) => number {
  if (load.arrival !== "closed") return (n) => n * share.workers + share.worker;
  const streams = streamCount(load);
  const own = ownStreams(load, share);
  return (n) => Math.floor(n / own.length) * streams + (own[n % own.length] ?? Number.POSITIVE_INFINITY);
}

/** How many of the first `requests` are the worker's. */
export function ownRequests(load: LoadSetting, share: Share, requests: number): number {
  if (load.arrival !== "closed") return Math.max(0, Math.ceil((requests - share.worker) / share.workers));
  const streams = streamCount(load);
  const own = ownStreams(load, share);
  return Math.floor(requests / streams) * own.length + own.filter((k) => k < requests % streams).length;
}

/** The worker's part of a limit on requests in flight. */
export function ownCap(cap: number, { worker, workers }: Share): number {
  return Number.isFinite(cap) ? Math.floor(cap / workers) + (worker < cap % workers ? 1 : 0) : cap;
}
