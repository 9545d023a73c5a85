/** What goes between the load generator and its null server, over the channel that node opens to a child. */

/**
 * What the null server writes in a replay, request by request. Times are microseconds since the replay's start; a write
 * whose request has not come yet follows as soon as it has.
 */
export interface ReplayScript {
  /** Of each request its first write; one more at the end. */
  readonly starts: Uint32Array;
  /** Of each write, ascending within a request. */
  readonly atUs: Float64Array;
  /** Events with generated text in each write. */
  readonly chunks: Uint32Array;
}

export type ToNullServer =
  | { readonly kind: "script"; readonly script: ReplayScript }
  /** When the replay starts, microseconds of `process.hrtime`. */
  | { readonly kind: "start"; readonly atUs: number }
  | { readonly kind: "stamps" };

export type FromNullServer =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "ready" }
  | { readonly kind: "stamps"; readonly stamps: ReplayStamps };

/** Microseconds of `process.hrtime`, which all processes of a machine share; NaN where it did not come to that. */
export interface ReplayStamps {
  /** Of each request: when it had been read. */
  readonly receivedUs: Float64Array;
  /** Of each write: just before it was handed to the socket. */
  readonly writtenUs: Float64Array;
}
