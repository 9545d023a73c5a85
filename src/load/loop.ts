import type { Clock } from "./clock.ts";
import type { LoadSetting, RequestRecord } from "./record.ts";
import type { RequestPlace } from "./response-reader.ts";
import type { Share } from "./share.ts";

/** What a loop may do: it decides when requests start; the generator sends and counts them. */
export interface LoopHost {
  /** Sends request number `i`; `ended` is called once. */
  send(place: Omit<RequestPlace, "worker">, ended: (record: RequestRecord) => void): void;
  /** Records a request that fell due and will never be sent. */
  giveUp(place: Omit<RequestPlace, "worker">, why: string): void;
  readonly inFlight: number;
  /** To be called by the loop when it will send no more. Requests may still be in flight. */
  exhausted(): void;
}

/** A closed or an open loop. */
export interface Loop {
  /** Requests that were due so far, or in all where that is known. */
  readonly planned: number;
  /** Requests that were due so far. */
  readonly issued: number;
  start(): void;
  /** Sends no more; what is in flight goes on. */
  stop(why: string): void;
}

export interface LoopPlan {
  readonly load: LoadSetting;
  /** Which part of it this loop has. */
  readonly share: Share;
  readonly clock: Clock;
  /** When the schedule starts, microseconds of the clock. */
  readonly startUs: number;
  readonly expectedE2eMs: number;
}
