import type { Dispatcher } from "undici";
import type { Clock } from "./clock.ts";
import type { Connection } from "./connection-reserve.ts";
import type { ConnectionUse, InFlight, Sink, TransportErrorKind, TransportRequest } from "./transport.ts";
import { describeError, givenUpShowsUs } from "./transport-error.ts";

/** What carries an exchange: its client's connection, and how long it was waited for if it was not open yet. */
export interface Carrier {
  readonly connection: Connection | undefined;
  readonly waitedUs: number | undefined;
}

/** What an exchange needs of the transport it runs on. */
export interface ExchangeOwner {
  readonly clock: Clock;
  /** The answer's headers say that the connection closes after it. */
  closing(connection: Connection): void;
  /** The answer is whole and the connection idle. */
  released(connection: Connection): void;
  /** Sends the exchange once more, on a connection that no request has used. */
  sendAgain(exchange: Exchange): void;
}

/**
 * One request on undici and its answer: undici's handler on one side, the sink on the other. Written against the
 * handler methods that undici hands the bytes to directly; its newer ones cost a call more for each.
 */
export class Exchange implements Dispatcher.DispatchHandler, InFlight {
  readonly #owner: ExchangeOwner;
  readonly #sink: Sink;
  readonly request: TransportRequest;
  /** Set by the client that takes the request, before it writes it. */
  carrier: Carrier | undefined;
  #used: Connection | undefined;
  #reused = false;
  #abort: ((error?: Error) => void) | undefined;
  #sentUs = 0;
  #answered = false;
  #again = false;
  #over = false;

  constructor(owner: ExchangeOwner, sink: Sink, request: TransportRequest) {
    this.#owner = owner;
    this.#sink = sink;
    this.request = request;
  }

  abort(kind: "cancelled" | "timeout"): void {
    if (this.#over) return;
    this.#over = true;
    const message = kind === "timeout" ? "no whole answer within the time limit" : "cancelled";
    this.#sink.error(this.#owner.clock.nowUs(), kind, message);
    this.#abort?.();
  }

  /** Called as the request is about to be written; the write follows in the same turn. */
  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort;
    if (this.#over) {
      abort();
      return;
    }
    const connection = this.carrier?.connection;
    this.#used = connection;
    if (connection === undefined) return;
    this.#reused = connection.uses > 0;
    connection.uses++;
    const waitedUs = this.carrier?.waitedUs;
    const use: ConnectionUse = {
      reused: this.#reused,
      ...(!this.#reused && waitedUs !== undefined && { connectUs: Math.round(waitedUs) }),
    };
    this.#sentUs = this.#owner.clock.nowUs();
    this.#sink.sent(this.#sentUs, use);
  }

  onResponseStarted(): void {
    this.#answered = true;
  }

  onHeaders(status: number, raw: Buffer[]): boolean {
    if (this.#over || status < 200) return true;
    const headers = parseHeaders(raw);
    if (this.#used !== undefined && /\bclose\b/i.test(headers["connection"] ?? "")) {
      this.#owner.closing(this.#used);
    }
    this.#sink.headers(this.#readUs(), status, headers);
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (!this.#over) this.#sink.body(this.#readUs(), chunk, 0, chunk.length);
    return true;
  }

  onComplete(): void {
    if (this.#used !== undefined) this.#owner.released(this.#used);
    if (this.#over) return;
    this.#over = true;
    this.#sink.end(this.#owner.clock.nowUs());
  }

  onError(error: Error): void {
    if (this.#over) return;
    const kind = errorKind(error, this.#used !== undefined);
    // An idle connection that the server had just given up: the request never reached it.
    const idle = this.#reused || (this.#used !== undefined && this.carrier?.waitedUs === undefined);
    const soon = this.#owner.clock.nowUs() - this.#sentUs < givenUpShowsUs;
    if (kind === "reset" && !this.#answered && idle && soon && !this.#again) {
      this.#again = true;
      this.#used = undefined;
      this.#owner.sendAgain(this);
      return;
    }
    this.#over = true;
    this.#sink.error(this.#owner.clock.nowUs(), kind, describeError(error));
  }

  /** The time of the read that undici is taking apart, stamped before it began. */
  #readUs(): number {
    return this.#used?.readUs ?? this.#owner.clock.nowUs();
  }
}

function parseHeaders(raw: readonly Buffer[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]?.toString("latin1").toLowerCase() ?? "";
    const value = raw[i + 1]?.toString("latin1") ?? "";
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return headers;
}

function errorKind(error: Error, sent: boolean): TransportErrorKind {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "UND_ERR_DESTROYED" || code === "UND_ERR_CLOSED" || code === "UND_ERR_ABORTED")
    return "cancelled";
  if (!sent) return code === "ECONNREFUSED" ? "refused" : "connect";
  // undici gives its parser's errors no code. The end of file in an answer is a lost connection, not another protocol.
  if (error.name === "HTTPParserError")
    return error.message.includes("Invalid EOF state") ? "reset" : "protocol";
  return code === "UND_ERR_HEADERS_OVERFLOW" || error.message === "bad response" ? "protocol" : "reset";
}
