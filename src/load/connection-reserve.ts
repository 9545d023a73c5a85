import type { Socket } from "node:net";
import type { Clock } from "./clock.ts";

/** One TCP or TLS connection. */
export class Connection {
  readonly socket: Socket;
  readonly openedUs: number;
  /** Requests written to it. */
  uses = 0;
  /** When the last read came in, and when it last had nothing to do. */
  readUs: number;
  idleSinceUs: number;
  /** The server said, or showed, that it will take no more requests. */
  ending = false;
  /** It waits in a reserve: nothing may come in before a request goes out. */
  waiting = false;

  constructor(socket: Socket, clock: Clock) {
    this.socket = socket;
    this.openedUs = clock.nowUs();
    this.readUs = this.openedUs;
    this.idleSinceUs = this.openedUs;
  }
}

/**
 * Opens a connection and calls back once, later; whoever does also stamps `readUs` and closes one that speaks while it is
 * `waiting`. Gives back what stops the opening.
 */
export type Connect<C extends Connection> = (
  callback: (error: Error | null, connection: C | null) => void,
) => () => void;
/** `waitedUs` is there only when the connection was not yet open when it was asked for. */
export type Taker<C extends Connection> = (
  error: Error | null,
  connection: C | null,
  waitedUs?: number,
) => void;

/** A connection that dies younger than this is not replaced at once: a server that drops idle ones would be hammered. */
const shortestLifeUs = 100_000;
const parallelOpens = 64;
/** An unannounced close this soon after an answer is the server's habit, not an idle connection's end. */
export const habitualCloseUs = 1e6;

/**
 * Connections opened ahead of use, oldest first out: a server that gives each connection a thread, as llama.cpp does,
 * serves them in that order. One that has waited longer than `maxIdleMs` is never handed out; it is renewed before.
 */
export class ConnectionReserve<C extends Connection = Connection> {
  readonly #connect: Connect<C>;
  readonly #clock: Clock;
  readonly #maxIdleMs: number;
  readonly #all = new Set<Socket>();
  readonly #ready: C[] = [];
  readonly #takers: { take: Taker<C>; askedUs: number }[] = [];
  readonly #timers = new Map<C, NodeJS.Timeout>();
  /** What stops each connection that is being opened. */
  readonly #stops = new Set<() => void>();
  #opening = 0;
  #target = 0;
  #closed = false;
  #onEmpty: (() => void) | undefined;

  constructor(connect: Connect<C>, clock: Clock, maxIdleMs: number) {
    this.#connect = connect;
    this.#clock = clock;
    this.#maxIdleMs = maxIdleMs;
  }

  /** Connections that are open and wait for use. */
  get ready(): number {
    return this.#ready.length;
  }

  /** Keeps `count` connections ready from now on; opens what is missing without waiting for it. */
  keep(count: number): void {
    this.#target = count;
    while (this.#ready.length + this.#opening < this.#target && this.#opening < parallelOpens) {
      this.#open((error) => {
        if (error === null) this.keep(this.#target);
      });
    }
  }

  /** Opens until `count` are ready; rejects with the first failure. */
  async fill(count: number): Promise<void> {
    while (this.#ready.length < count) {
      const missing = Math.min(count - this.#ready.length, parallelOpens);
      await Promise.all(
        Array.from({ length: missing }, async () => {
          const error = await new Promise<Error | null>((resolve) => this.#open(resolve));
          if (error !== null) throw error;
        }),
      );
    }
  }

  /** A connection that is ready, if there is one. */
  takeReady(): C | undefined {
    const nowUs = this.#clock.nowUs();
    for (let next = this.#ready.shift(); next !== undefined; next = this.#ready.shift()) {
      this.#forget(next);
      if (nowUs - next.openedUs <= this.#maxIdleMs * 1000 && !next.socket.destroyed) return next;
      next.socket.destroy();
    }
    return undefined;
  }

  /** Hands over a connection that is ready, else the next that opens; always after this call has returned. */
  take(take: Taker<C>): void {
    if (this.#closed) {
      queueMicrotask(() => take(new Error("the transport was closed"), null));
      return;
    }
    const ready = this.takeReady();
    if (ready !== undefined) {
      queueMicrotask(() => take(null, ready));
      return;
    }
    this.#takers.push({ take, askedUs: this.#clock.nowUs() });
    if (this.#opening < this.#takers.length) this.#open(() => {});
  }

  /** Closes all connections it ever opened, in use or not, and those it is opening; resolves when none is left. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#target = 0;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#ready.length = 0;
    for (const { take } of this.#takers.splice(0)) take(new Error("the transport was closed"), null);
    for (const stop of this.#stops) stop();
    if (this.#all.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      for (const socket of this.#all) socket.destroy();
    });
  }

  /** Opens one more; `opened` is told once it is ready or has failed. */
  #open(opened: (error: Error | null) => void): void {
    this.#opening++;
    const stop = this.#connect((error, connection) => {
      this.#opening--;
      this.#stops.delete(stop);
      if (connection === null) {
        // Who waits for a connection that no one opens any more is told why.
        if (this.#takers.length > this.#opening)
          this.#takers.shift()?.take(error ?? new Error("no connection"), null);
        opened(error ?? new Error("no connection"));
        return;
      }
      this.#watch(connection);
      if (this.#closed) connection.socket.destroy();
      else this.#offer(connection);
      opened(this.#closed ? new Error("the transport was closed") : null);
    });
    this.#stops.add(stop);
  }

  #watch(connection: C): void {
    const { socket } = connection;
    this.#all.add(socket);
    socket.on("error", () => {
      connection.ending = true;
    });
    socket.once("end", () => {
      connection.ending = true;
      if (connection.waiting) socket.destroy();
    });
    socket.once("close", () => {
      this.#all.delete(socket);
      if (this.#all.size === 0) this.#onEmpty?.();
      this.#drop(connection);
    });
  }

  #offer(connection: C): void {
    const waiting = this.#takers.shift();
    if (waiting !== undefined) {
      waiting.take(null, connection, this.#clock.nowUs() - waiting.askedUs);
      return;
    }
    this.#ready.push(connection);
    connection.waiting = true;
    const renewal = setTimeout(() => this.#renew(connection), this.#maxIdleMs * 0.75);
    renewal.unref();
    this.#timers.set(connection, renewal);
  }

  /** Opens the successor first, so that there is always one to take. */
  #renew(old: C): void {
    if (!this.#timers.has(old)) return;
    if (this.#ready.length > this.#target) {
      old.socket.destroy();
      return;
    }
    this.#open(() => {
      if (this.#timers.has(old)) old.socket.destroy();
    });
  }

  #forget(connection: C): void {
    clearTimeout(this.#timers.get(connection));
    this.#timers.delete(connection);
    connection.waiting = false;
  }

  /** A connection has closed: if it was waiting for use, there is one fewer. */
  #drop(connection: C): void {
    if (!this.#timers.has(connection)) return;
    this.#forget(connection);
    const place = this.#ready.indexOf(connection);
    if (place >= 0) this.#ready.splice(place, 1);
    if (this.#closed) return;
    if (this.#clock.nowUs() - connection.openedUs >= shortestLifeUs) this.keep(this.#target);
    else setTimeout(() => !this.#closed && this.keep(this.#target), shortestLifeUs / 1000).unref();
  }
}
