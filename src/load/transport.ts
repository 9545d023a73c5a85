import type { Clock } from "./clock.ts";

/**
 * The interface of bytes between the load generator and HTTP. Everything above it (scanner, clock, records)
 * knows no HTTP library, so the transport can change.
 */
export interface Transport {
  /** Recorded as `client.transport`, e.g. "undici-7.30.2". */
  readonly name: string;
  /** Opens `n` connections ahead of use. Resolves when all are open; rejects with what the server said. */
  open(n: number): Promise<void>;
  /** Sends one request now on a connection of its own; every outcome ends in exactly one `end` or `error`. */
  send(request: TransportRequest, sink: Sink): InFlight;
  /** Closes every connection. Resolves when no socket is left. */
  close(): Promise<void>;
}

export interface TransportOptions {
  /** Scheme, host and port: `http://127.0.0.1:8000`. */
  readonly origin: string;
  /** The measurement's clock. */
  readonly clock: Clock;
  /** Most connections in use at once; further requests wait for one. Default: as many as there are requests. */
  readonly maxConnections?: number;
  /**
   * Each request on a connection of its own, opened while the one before was running: for servers that close after
   * each answer whatever their headers say. Default: off until the server is seen to do so.
   */
  readonly freshConnections?: boolean;
  /** A connection idle for longer is not used again. Default 4000: servers close theirs after 5 s. */
  readonly maxIdleMs?: number;
  /** Default 10000. */
  readonly connectTimeoutMs?: number;
  readonly tls?: { readonly ca?: string | Buffer };
  /** Sent with each request, before its own. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TransportRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface InFlight {
  /** Closes the connection under the request; the sink gets `error(t, "cancelled" | "timeout")` and nothing after. */
  abort(kind: "cancelled" | "timeout"): void;
}

/** All `t` are microseconds of the point's clock, read first thing when the event arrives. */
export interface Sink {
  /** The request went to the socket (not when a queue took it). Called again when it had to be sent again: the last counts. */
  sent(t: number, connection: ConnectionUse): void;
  headers(t: number, status: number, headers: Readonly<Record<string, string>>): void;
  /**
   * Bytes `from` to `to` (exclusive) of one read; the buffer is valid only during the call. What one read of the socket
   * brought may come in several calls, all with the same `t`; another read has another `t`.
   */
  body(t: number, bytes: Uint8Array, from: number, to: number): void;
  end(t: number): void;
  error(t: number, kind: TransportErrorKind, message: string): void;
}

export interface ConnectionUse {
  /** True when an earlier request of this point used the connection. */
  readonly reused: boolean;
  /** Time to open it, where it was opened for this request inside the measurement; absent when opened ahead. */
  readonly connectUs?: number;
}

export type TransportErrorKind =
  | "refused" // nobody listens
  | "connect" // any other failure to connect (name, route, TLS)
  | "reset" // connection lost before the answer was complete
  | "protocol" // what came is not HTTP
  | "timeout" // our limit a request
  | "cancelled"; // we stopped it
