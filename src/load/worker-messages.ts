import type { Clock } from "./clock.ts";
import type { ProbeReadings } from "./delay-probe.ts";
import type { Lanes } from "./lanes.ts";
import type { MeasurementOutcome, MeasureOptions, Progress } from "./measurement.ts";
import type { RequestRecord } from "./record.ts";
import type { Share } from "./share.ts";
import type { TransportOptions, TransportRequest } from "./transport.ts";

/** What goes between a load client and its workers. A worker answers each order before it gets the next. */

/** How a worker speaks to the server. */
export interface ClientSettings {
  readonly transport: Omit<TransportOptions, "clock">;
  /** As `client.transport` names it: "undici" also where a plain transport would do, for who must go the same way. */
  readonly undici?: boolean;
}

/** A measurement's settings that are data. */
export interface WorkerLoad
  extends Pick<MeasureOptions, "load" | "seed" | "timeoutMs" | "read" | "expectedE2eMs"> {
  readonly share: Share;
  readonly startUs: number;
  /** How many requests it is to have at hand. */
  readonly ahead: number;
}

export type Order =
  | { readonly kind: "begin"; readonly settings: ClientSettings; readonly clock: Omit<Clock, "nowUs"> }
  | { readonly kind: "open"; readonly connections: number }
  | { readonly kind: "watch"; readonly port: number }
  | { readonly kind: "measure"; readonly load: WorkerLoad }
  | { readonly kind: "play"; readonly lanes: Lanes }
  | { readonly kind: "end" };

/** The same request so many times. */
export interface RequestRun {
  readonly request: TransportRequest;
  readonly times: number;
}

export type ToWorker =
  | Order
  /** The requests that it sends next, in its order. */
  | { readonly kind: "requests"; readonly runs: readonly RequestRun[] }
  /** Sends no more, once the next of its requests has ended; what is in flight finishes. */
  | { readonly kind: "enough" }
  /** Sends no more, and cancels what is in flight. */
  | { readonly kind: "stop" };

/** What an order ends in. */
export interface Answers {
  readonly begin: { readonly transport: string };
  readonly open: undefined;
  readonly watch: undefined;
  readonly measure: MeasurementOutcome;
  readonly play: undefined;
  readonly end: ProbeReadings | undefined;
}

export type FromWorker =
  | { readonly kind: "done"; readonly answer: Answers[keyof Answers] }
  | { readonly kind: "failed"; readonly message: string; readonly code: string | undefined }
  | { readonly kind: "records"; readonly records: readonly RequestRecord[] }
  | { readonly kind: "progress"; readonly progress: Progress }
  /** It would have so many requests more at hand. */
  | { readonly kind: "wants"; readonly requests: number };
