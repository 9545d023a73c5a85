import { connect as openSocket, type Socket } from "node:net";
import type { Clock } from "./clock.ts";
import { Connection } from "./connection-reserve.ts";
import { HttpResponseParser, type ResponseEvents } from "./http-response-parser.ts";

/** One request on a connection, as its connection sees it. */
export interface ConnectionUser {
  head(t: number, status: number, headers: Readonly<Record<string, string>>): void;
  body(t: number, bytes: Uint8Array, from: number, to: number): void;
  end(t: number, reusable: boolean): void;
  /** What came is not HTTP. */
  garbage(t: number, why: string): void;
  /** The connection has gone before the answer was whole; `error` where the system gave one. */
  lost(t: number, error: Error | undefined): void;
}

/**
 * A plain TCP connection that carries one request at a time. Reads come in through `onread` into a buffer that all
 * connections share: libuv fills it and calls back before it reads the next socket, so nothing is allocated a read.
 */
export class NetConnection extends Connection implements ResponseEvents {
  readonly #clock: Clock;
  readonly #parser: HttpResponseParser;
  #user: ConnectionUser | undefined;
  #error: Error | undefined;
  /** It was lost in the middle of an answer. */
  brokeOff = false;

  constructor(socket: Socket, clock: Clock) {
    super(socket, clock);
    this.#clock = clock;
    this.#parser = new HttpResponseParser(this);
    socket.on("error", (error) => {
      this.#error ??= error;
    });
    // The server's end of it, or the whole of it: whichever is told first.
    socket.once("end", () => this.#close());
    socket.once("close", () => this.#close());
  }

  /** Whether a byte of the present answer has come. */
  get answerBegun(): boolean {
    return this.#parser.begun;
  }

  /** Hands a request to the socket and its answer to `user`. */
  carry(user: ConnectionUser, bytes: Buffer): void {
    this.#user = user;
    this.uses++;
    this.#parser.reset();
    this.socket.write(bytes);
  }

  /** Closes it under the request, which is told nothing more. */
  drop(): void {
    this.#user = undefined;
    this.socket.destroy();
  }

  /** The clock is read before anything else is done with a read. */
  read(bytes: Buffer, length: number): void {
    this.readUs = this.#clock.nowUs();
    if (this.#user === undefined) {
      // Nothing was asked: whatever this is, it is no answer.
      this.socket.destroy();
      return;
    }
    this.#parser.push(bytes, 0, length);
    if (this.#parser.problem === "") return;
    const user: ConnectionUser | undefined = this.#user;
    this.drop();
    user?.garbage(this.readUs, this.#parser.problem);
  }

  /** What the parser finds in the read. */
  head(status: number, headers: Readonly<Record<string, string>>): void {
    this.#user?.head(this.readUs, status, headers);
  }

  body(bytes: Uint8Array, from: number, to: number): void {
    this.#user?.body(this.readUs, bytes, from, to);
  }

  end(reusable: boolean): void {
    const user = this.#user;
    this.#user = undefined;
    this.idleSinceUs = this.readUs;
    user?.end(this.readUs, reusable);
  }

  #close(): void {
    const user = this.#user;
    if (user === undefined) return;
    this.readUs = this.#clock.nowUs();
    if (this.#error === undefined && this.#parser.close()) return;
    this.brokeOff = this.#parser.midAnswer;
    this.drop();
    user.lost(this.readUs, this.#error);
  }
}

export interface NetTarget {
  readonly host: string;
  readonly port: number;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
  /** Shared by all connections of a transport. */
  readonly buffer: Buffer;
}

/** Opens a connection; calls back once. Gives back what stops it, which then is its error. */
export function openNetConnection(
  target: NetTarget,
  callback: (error: Error | null, connection: NetConnection | null) => void,
): () => void {
  let connection: NetConnection | undefined;
  const socket = openSocket({
    host: target.host,
    port: target.port,
    noDelay: true,
    onread: {
      buffer: target.buffer,
      callback: (length, bytes) => {
        connection?.read(bytes as Buffer, length);
        return true;
      },
    },
  });
  const timer = setTimeout(() => {
    socket.destroy(new Error(`no connection within ${target.connectTimeoutMs} ms`));
  }, target.connectTimeoutMs);
  const fail = (error: Error) => {
    clearTimeout(timer);
    callback(error, null);
  };
  socket.once("error", fail);
  socket.once("connect", () => {
    clearTimeout(timer);
    socket.off("error", fail);
    connection = new NetConnection(socket, target.clock);
    callback(null, connection);
  });
  return () => socket.destroy(new Error("stopped while it was opened"));
}
