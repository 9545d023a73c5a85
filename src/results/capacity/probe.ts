import type { Interval } from "../statistics.ts";
import type { ShareCurve } from "./share-curve.ts";

/** What a search asks for, what came out, and what it says in the end. */
export interface SearchOptions {
  /** What is raised: requests a second (Poisson arrivals), or requests in flight. */
  readonly by: "rate" | "concurrency";
  /** Share of requests that must meet every SLO, 0 to 1. */
  readonly target: number;
  /** Whole width of the interval, as a share of the capacity, at which the search ends. */
  readonly precision: number;
  readonly maxRequests: number;
  /** Sum of the probes' own times. */
  readonly maxSeconds?: number | undefined;
  /** Highest load that is tried. */
  readonly upTo: number;
}

/** What to measure next. `lone`: one stream, each request alone on the server. */
export interface Probe {
  readonly phase: "lone" | "bracket" | "refine";
  readonly load: number;
  readonly requests: number;
}

export interface ProbeOutcome {
  readonly good: number;
  /** Requests that were judged: without those at the start and end, and what llmbench itself cancelled. */
  readonly all: number;
  /** Time that it took. */
  readonly seconds: number;
  /** Mean time of an answer; null where none ended well. */
  readonly e2eSeconds: number | null;
  /** The client could not carry the load, so that what it saw is not the server's doing. */
  readonly clientFailed: boolean;
}

export interface MeasuredProbe extends Probe, ProbeOutcome {}

/**
 * `found`: there is an interval. `unmet`: the target is missed at the lowest load; `at-least`: it is met at the highest,
 * each a bound. `not-falling`: it was measured to the end, and the share was not shown to fall with the load near the
 * target. `unfinished`: probes are missing, or the limit came before the search could tell where to look.
 */
type SearchStatus = "found" | "unmet" | "at-least" | "not-falling" | "unfinished";

export interface SearchResult {
  readonly status: SearchStatus;
  /** Load at which the share is at the target; a bound where the status is `unmet` or `at-least`. */
  readonly estimate: number | null;
  readonly interval: Interval | null;
  /** Why no more was measured. */
  readonly ended: "precision" | "requests" | "time" | "bound" | "client" | "missing";
  readonly curve: ShareCurve | null;
  readonly probes: readonly MeasuredProbe[];
}

/** What a driver throws into the search when a probe is not there, to have what is known without it. */
export const MISSING = Symbol("the probe is missing");
