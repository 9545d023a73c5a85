import { LlmbenchError } from "../error.ts";
import type { Clock } from "./clock.ts";
import { ConnectionReserve, habitualCloseUs } from "./connection-reserve.ts";
import { headerLine } from "./header-line.ts";
import { type NetConnection, openNetConnection } from "./net-connection.ts";
import { NetExchange, type NetExchangeOwner } from "./net-exchange.ts";
import type { InFlight, Sink, Transport, TransportOptions, TransportRequest } from "./transport.ts";
import { connectError } from "./transport-error.ts";

/**
 * One read is at most as large. On Linux and macOS one buffer does for all sockets, since libuv reads and calls back
 * before it turns to the next; Windows posts reads ahead, and would need one each.
 */
const readBytes = 64 * 1024;
/** A connection must have been idle so long to be used a second time the first time ever: a server that closes after each answer shows it. */
const habitShowsMs = 2;

/**
 * A transport for plain HTTP/1.1 on `node:net`: one request at a time a connection, opened ahead. Why not undici, and
 * what it costs: docs/decisions/own-http-reader.md. Throws LOAD_SETTING for another scheme than `http:`.
 */
export function createNetTransport(options: TransportOptions): Transport {
  return new NetTransport(options);
}

class NetTransport implements Transport, NetExchangeOwner {
  readonly name = "node:net";
  readonly #clock: Clock;
  readonly #origin: URL;
  readonly #reserve: ConnectionReserve<NetConnection>;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #maxInUse: number;
  readonly #maxIdleUs: number;
  readonly #learnsFresh: boolean;
  #fresh: boolean;
  /** Whether the server closes after each answer: it was said, or a connection has carried two answers. */
  #knowsHabit: boolean;
  #closed = false;
  /** Connections that `open` asked for. */
  #wanted = 0;
  /** Connections that will take another request, in use or idle, and those on the way. */
  readonly #held = new Set<NetConnection>();
  #promised = 0;
  /** Free ones, the last used last. */
  readonly #idle: NetConnection[] = [];
  /** Those that will take no more requests. */
  readonly #retiring: NetConnection[] = [];
  readonly #exchanges = new Set<NetExchange>();
  readonly #queue: NetExchange[] = [];
  #inUse = 0;
  /** The last request's headers and how they are written: the same object comes each time. */
  #headersOf: Readonly<Record<string, string>> | undefined;
  #headerLines = "";

  constructor(options: TransportOptions) {
    const maxIdleMs = options.maxIdleMs ?? 4000;
    this.#clock = options.clock;
    this.#origin = new URL(options.origin);
    if (this.#origin.protocol !== "http:") {
      throw new LlmbenchError("LOAD_SETTING", `${options.origin}: this transport speaks plain HTTP only`);
    }
    this.#maxIdleUs = maxIdleMs * 1000;
    this.#maxInUse = options.maxConnections ?? Number.POSITIVE_INFINITY;
    this.#fresh = options.freshConnections ?? false;
    this.#learnsFresh = options.freshConnections === undefined;
    this.#knowsHabit = !this.#learnsFresh;
    this.#headers = { host: this.#origin.host, "accept-encoding": "identity", ...options.headers };
    const target = {
      host: this.#origin.hostname.replace(/^\[|\]$/g, ""),
      port: Number(this.#origin.port || 80),
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      clock: options.clock,
      buffer: Buffer.allocUnsafeSlow(readBytes),
    };
    this.#reserve = new ConnectionReserve(
      (callback) => openNetConnection(target, callback),
      options.clock,
      maxIdleMs,
    );
  }

  async open(n: number): Promise<void> {
    this.#wanted = n;
    try {
      await this.#reserve.fill(n);
    } catch (error) {
      throw connectError(this.#origin, error);
    }
    this.#balance();
  }

  send(request: TransportRequest, sink: Sink): InFlight {
    const exchange = new NetExchange(this, sink, this.#encode(request));
    this.#exchanges.add(exchange);
    if (this.#queue.length > 0 || this.#inUse >= this.#maxInUse) this.#queue.push(exchange);
    else this.#start(exchange);
    return exchange;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wanted = 0;
    this.#queue.length = 0;
    for (const exchange of Array.from(this.#exchanges)) exchange.abort("cancelled");
    await this.#reserve.close();
  }

  nowUs(): number {
    return this.#clock.nowUs();
  }

  closing(connection: NetConnection): void {
    connection.ending = true;
    this.#held.delete(connection);
    this.#balance();
  }

  released(exchange: NetExchange, connection: NetConnection | undefined, reusable: boolean): void {
    this.#exchanges.delete(exchange);
    if (exchange.counted) this.#inUse--;
    if (connection === undefined) return;
    if (reusable && connection.uses > 1) this.#knowsHabit = true;
    if (reusable && !this.#fresh && !connection.ending) this.#idle.push(connection);
    else if (!connection.socket.destroyed) this.#retiring.push(connection);
  }

  settled(): void {
    // Closing and opening take time: only now, when the stream's next request has gone out.
    for (const connection of this.#retiring.splice(0)) this.#retire(connection);
    while (this.#inUse < this.#maxInUse) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      if (!next.over) this.#start(next);
    }
  }

  sendAgain(exchange: NetExchange): void {
    this.#takeFromReserve(exchange);
  }

  #start(exchange: NetExchange): void {
    exchange.counted = true;
    this.#inUse++;
    const idle = this.#takeIdle();
    if (idle === undefined) this.#takeFromReserve(exchange);
    else if (this.#knowsHabit) exchange.run(idle, undefined);
    else this.#runOnceSettled(exchange, idle);
  }

  /** Once the end that a server may send right behind its answer has been read. */
  #runOnceSettled(exchange: NetExchange, idle: NetConnection): void {
    const idleMs = (this.#clock.nowUs() - idle.idleSinceUs) / 1000;
    if (idleMs >= habitShowsMs) {
      exchange.run(idle, undefined);
      return;
    }
    setTimeout(() => {
      if (!idle.ending && !idle.socket.destroyed && !exchange.over) exchange.run(idle, undefined);
      else if (exchange.over) this.#idle.push(idle);
      else this.#takeFromReserve(exchange);
    }, habitShowsMs - idleMs);
  }

  #takeIdle(): NetConnection | undefined {
    for (let next = this.#idle.pop(); next !== undefined; next = this.#idle.pop()) {
      const fits = !next.ending && !next.socket.destroyed;
      if (fits && this.#clock.nowUs() - next.idleSinceUs <= this.#maxIdleUs) return next;
      this.#retire(next);
    }
    return undefined;
  }

  #takeFromReserve(exchange: NetExchange): void {
    const ready = this.#reserve.takeReady();
    if (ready !== undefined) {
      exchange.run(ready, undefined);
      this.#hold(ready);
      return;
    }
    this.#promised++;
    this.#reserve.take((error, connection, waitedUs) => {
      this.#promised--;
      if (connection === null) {
        exchange.failToConnect(error ?? new Error("no connection"));
        return;
      }
      // It was stopped while it waited: whoever comes next has the connection.
      if (exchange.over) this.#idle.push(connection);
      else exchange.run(connection, waitedUs);
      this.#hold(connection);
    });
  }

  #hold(connection: NetConnection): void {
    this.#held.add(connection);
    connection.socket.once("close", () => {
      this.#held.delete(connection);
      const at = this.#idle.indexOf(connection);
      if (at >= 0) this.#idle.splice(at, 1);
      const idleUs = this.#clock.nowUs() - connection.idleSinceUs;
      const byServer = connection.ending && !connection.brokeOff && connection.uses > 0;
      if (this.#learnsFresh && byServer && idleUs < habitualCloseUs) this.#fresh = true;
      this.#balance();
    });
    this.#balance();
  }

  /** Closes a connection that takes no more requests. */
  #retire(connection: NetConnection): void {
    this.#held.delete(connection);
    connection.socket.destroy();
    this.#balance();
  }

  /** As many connections wait for use as `open` asked for, less those that can be used again. */
  #balance(): void {
    if (this.#closed) return;
    const inUse = this.#fresh ? 0 : this.#held.size + this.#promised;
    this.#reserve.keep(Math.max(0, this.#wanted - inUse));
  }

  #encode(request: TransportRequest): Buffer {
    const { body } = request;
    const length = body === undefined ? "" : `content-length: ${body.length}\r\n`;
    const connection = this.#fresh ? "close" : "keep-alive";
    const head = Buffer.from(
      `${request.method} ${request.path} HTTP/1.1\r\nconnection: ${connection}\r\n${this.#linesOf(request.headers)}${length}\r\n`,
      "latin1",
    );
    return body === undefined ? head : Buffer.concat([head, body]);
  }

  #linesOf(headers: Readonly<Record<string, string>>): string {
    if (headers !== this.#headersOf) {
      this.#headersOf = headers;
      const lowered = [...Object.entries(this.#headers), ...Object.entries(headers)].map(
        ([name, value]) => [name.toLowerCase(), value] as const,
      );
      this.#headerLines = [...new Map(lowered)].map(([name, value]) => headerLine(name, value)).join("");
    }
    return this.#headerLines;
  }
}
