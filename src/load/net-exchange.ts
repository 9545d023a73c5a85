import type { ConnectionUser, NetConnection } from "./net-connection.ts";
import type { InFlight, Sink, TransportErrorKind } from "./transport.ts";
import { describeError, givenUpShowsUs } from "./transport-error.ts";

/** What an exchange needs of the transport it runs on. */
export interface NetExchangeOwner {
  nowUs(): number;
  /** The answer's head says that the connection closes after it. */
  closing(connection: NetConnection): void;
  /** The exchange is over; its connection, if it had one, is free or gone. Called before the sink is told. */
  released(exchange: NetExchange, connection: NetConnection | undefined, reusable: boolean): void;
  /** After the sink was told: who waited may go. */
  settled(): void;
  /** Gives the exchange a connection that no request has used. */
  sendAgain(exchange: NetExchange): void;
}

/** One request and its answer: a connection on one side, the sink on the other. */
export class NetExchange implements InFlight, ConnectionUser {
  readonly #owner: NetExchangeOwner;
  readonly #sink: Sink;
  readonly #bytes: Buffer;
  #connection: NetConnection | undefined;
  #openedAhead = false;
  #again = false;
  #sentUs = 0;
  #over = false;
  /** It has one of the connections that may be in use at once, or is about to. */
  counted = false;

  /** `bytes` are the request as it goes over the wire. */
  constructor(owner: NetExchangeOwner, sink: Sink, bytes: Buffer) {
    this.#owner = owner;
    this.#sink = sink;
    this.#bytes = bytes;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Sends on a connection; `waitedUs` where it was not open yet when it was asked for. */
  run(connection: NetConnection, waitedUs: number | undefined): void {
    const reused = connection.uses > 0;
    this.#connection = connection;
    this.#openedAhead = reused || waitedUs === undefined;
    this.#sentUs = this.#owner.nowUs();
    this.#sink.sent(this.#sentUs, {
      reused,
      ...(!reused && waitedUs !== undefined && { connectUs: Math.round(waitedUs) }),
    });
    connection.carry(this, this.#bytes);
  }

  abort(kind: "cancelled" | "timeout"): void {
    // Its connection may carry another request by now.
    if (this.#over) return;
    const message = kind === "timeout" ? "no whole answer within the time limit" : "cancelled";
    this.#connection?.drop();
    this.#fail(this.#owner.nowUs(), kind, message);
  }

  /** No connection could be had. */
  failToConnect(error: Error): void {
    const refused = (error as NodeJS.ErrnoException).code === "ECONNREFUSED";
    this.#fail(this.#owner.nowUs(), refused ? "refused" : "connect", describeError(error));
  }

  head(t: number, status: number, headers: Readonly<Record<string, string>>): void {
    if (this.#over) return;
    if (this.#connection !== undefined && /\bclose\b/i.test(headers["connection"] ?? "")) {
      this.#owner.closing(this.#connection);
    }
    this.#sink.headers(t, status, headers);
  }

  body(t: number, bytes: Uint8Array, from: number, to: number): void {
    if (!this.#over) this.#sink.body(t, bytes, from, to);
  }

  end(t: number, reusable: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.released(this, this.#connection, reusable);
    this.#sink.end(t);
    this.#owner.settled();
  }

  garbage(t: number, why: string): void {
    this.#fail(t, "protocol", `the answer is not HTTP: ${why}`);
  }

  lost(t: number, error: Error | undefined): void {
    if (this.#over) return;
    const begun = this.#connection?.answerBegun === true;
    // An idle connection that the server had just given up: the request never reached it.
    if (!begun && this.#openedAhead && !this.#again && t - this.#sentUs < givenUpShowsUs) {
      this.#again = true;
      this.#connection = undefined;
      this.#owner.sendAgain(this);
      return;
    }
    this.#fail(t, "reset", error === undefined ? "the server closed the connection" : describeError(error));
  }

  #fail(t: number, kind: TransportErrorKind, message: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.released(this, this.#connection, false);
    this.#sink.error(t, kind, message);
    this.#owner.settled();
  }
}
