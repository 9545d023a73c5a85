import type { Socket } from "node:net";
import { buildConnector, Client, type Dispatcher, Pool } from "undici";
import type { Clock } from "./clock.ts";
import { Connection, ConnectionReserve, habitualCloseUs, type Taker } from "./connection-reserve.ts";
import type { InFlight, Sink, Transport, TransportOptions, TransportRequest } from "./transport.ts";
import { connectError } from "./transport-error.ts";
import { Exchange, type ExchangeOwner } from "./undici-exchange.ts";

/** A transport over undici's `Pool.dispatch`: one request at a time a connection, opened ahead. */
export function createUndiciTransport(options: TransportOptions): Transport {
  return new UndiciTransport(options);
}

class UndiciTransport implements Transport, ExchangeOwner {
  readonly name = "undici-7.30.2";
  readonly clock: Clock;
  readonly #origin: URL;
  readonly #pool: Pool;
  readonly #reserve: ConnectionReserve;
  readonly #clientOptions: Client.Options;
  readonly #learnsFresh: boolean;
  readonly #maxIdleUs: number;
  readonly #headers: Readonly<Record<string, string>>;
  #fresh: boolean;
  /** Connections that `open` asked for. */
  #wanted = 0;
  /** Connections in the hands of the pool's clients that will take another request, and those on the way there. */
  readonly #held = new Set<Connection>();
  #promised = 0;
  /** The last request's headers and how undici takes them: the same object comes each time. */
  #headersOf: Readonly<Record<string, string>> | undefined;
  #headerList: string[] = [];

  constructor(options: TransportOptions) {
    const maxIdleMs = options.maxIdleMs ?? 4000;
    this.clock = options.clock;
    this.#origin = new URL(options.origin);
    this.#maxIdleUs = maxIdleMs * 1000;
    this.#fresh = options.freshConnections ?? false;
    this.#learnsFresh = options.freshConnections === undefined;
    this.#headers = { "accept-encoding": "identity", ...options.headers };
    const connect = buildConnector({
      timeout: options.connectTimeoutMs ?? 10_000,
      ...(options.tls?.ca !== undefined && { ca: options.tls.ca }),
    });
    const { protocol, hostname, host, port } = this.#origin;
    const target = { protocol, host, port, hostname: hostname.replace(/^\[|\]$/g, "") };
    this.#reserve = new ConnectionReserve(
      (callback) => {
        const opening = connect(target, (error, socket) =>
          callback(error, socket === null || socket === undefined ? null : watchReads(socket, options.clock)),
        ) as unknown as Socket;
        return () => opening.destroy(new Error("stopped while it was opened"));
      },
      options.clock,
      maxIdleMs,
    );
    this.#clientOptions = {
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: maxIdleMs,
      keepAliveMaxTimeout: maxIdleMs,
      keepAliveTimeoutThreshold: 1000,
    };
    this.#pool = new Pool(this.#origin, {
      // A client waits for its old socket to close before it takes a new one: a further client need not.
      connections: options.freshConnections === true ? null : (options.maxConnections ?? null),
      factory: () => this.#createClient(),
    });
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
    const exchange = new Exchange(this, sink, request);
    this.#pool.dispatch(this.#dispatchOptions(request), exchange);
    return exchange;
  }

  async close(): Promise<void> {
    this.#wanted = 0;
    this.#reserve.keep(0);
    await this.#pool.destroy();
    await this.#reserve.close();
  }

  closing(connection: Connection): void {
    connection.ending = true;
    this.#held.delete(connection);
    this.#balance();
  }

  released(connection: Connection): void {
    connection.idleSinceUs = this.clock.nowUs();
  }

  sendAgain(exchange: Exchange): void {
    const client = this.#createClient();
    client.dispatch(this.#dispatchOptions(exchange.request), exchange);
    // Closes once the request has its answer.
    void client.close();
  }

  #dispatchOptions(request: TransportRequest): Dispatcher.DispatchOptions {
    return {
      method: request.method,
      path: request.path,
      headers: this.#listHeaders(request.headers),
      body: request.body ?? null,
      reset: this.#fresh,
    };
  }

  #listHeaders(headers: Readonly<Record<string, string>>): string[] {
    if (headers !== this.#headersOf) {
      this.#headersOf = headers;
      this.#headerList = Object.entries({ ...this.#headers, ...headers }).flat();
    }
    return this.#headerList;
  }

  /** A client of the pool. It opens no connection itself: it takes one of the reserve, which knows when it was opened. */
  #createClient(): CarrierClient {
    return new CarrierClient(this.#origin, this.#clientOptions, {
      take: (callback) => {
        this.#promised++;
        this.#reserve.take((error, connection, waitedUs) => {
          this.#promised--;
          if (connection !== null) this.#hold(connection);
          callback(error, connection, waitedUs);
        });
      },
      isStale: (connection) =>
        connection.uses > 0 && this.clock.nowUs() - connection.idleSinceUs > this.#maxIdleUs,
    });
  }

  #hold(connection: Connection): void {
    this.#held.add(connection);
    connection.socket.once("close", () => {
      this.#held.delete(connection);
      const idleUs = this.clock.nowUs() - connection.idleSinceUs;
      if (this.#learnsFresh && connection.ending && connection.uses > 0 && idleUs < habitualCloseUs)
        this.#fresh = true;
      this.#balance();
    });
    this.#balance();
  }

  /** As many connections wait for use as `open` asked for, less those that the pool's clients can use again. */
  #balance(): void {
    const inUse = this.#fresh ? 0 : this.#held.size + this.#promised;
    this.#reserve.keep(Math.max(0, this.#wanted - inUse));
  }
}

/** The clock is read here for every read of the connection's life, before anyone looks at the bytes. */
function watchReads(socket: Socket, clock: Clock): Connection {
  const connection = new Connection(socket, clock);
  socket.on("readable", () => {
    connection.readUs = clock.nowUs();
    if (connection.waiting) socket.destroy();
  });
  return connection;
}

interface ConnectionSource {
  take(callback: Taker<Connection>): void;
  isStale(connection: Connection): boolean;
}

/** An undici client that tells each exchange which connection carries it. */
class CarrierClient extends Client {
  readonly #source: ConnectionSource;
  readonly #carrier: { connection: Connection | undefined; waitedUs: number | undefined };

  constructor(origin: URL, options: Client.Options, source: ConnectionSource) {
    const carrier: { connection: Connection | undefined; waitedUs: number | undefined } = {
      connection: undefined,
      waitedUs: undefined,
    };
    super(origin, {
      ...options,
      connect: (_target, callback) =>
        source.take((error, connection, waitedUs) => {
          if (connection === null) {
            callback(error ?? new Error("no connection"), null);
            return;
          }
          carrier.connection = connection;
          carrier.waitedUs = waitedUs;
          callback(null, connection.socket);
        }),
    });
    this.#source = source;
    this.#carrier = carrier;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (handler instanceof Exchange) handler.carrier = this.#carrier;
    const idle = this.#carrier.connection;
    // undici's own timer says the same, but late when the event loop is.
    if (idle !== undefined && this.#source.isStale(idle)) idle.socket.destroy();
    return super.dispatch(options, handler);
  }
}
