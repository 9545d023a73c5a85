import { connect, type Socket } from "node:net";

/** A server's answer as it came over the socket. */
export interface RawAnswer {
  readonly bytes: Buffer;
  /** The answer was whole: its last HTTP chunk or its content-length was reached. */
  readonly complete: boolean;
  /** Bytes of each read, as the kernel gave them. */
  readonly reads: readonly Buffer[];
}

/** One TCP connection that shows every byte, and how it ended. */
export class RawConnection {
  /** How the server ended it: undefined while it is open. */
  ended: "closed" | "reset" | undefined;
  readonly #socket: Socket;
  #reads: Buffer[] = [];
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => {
      this.#reads.push(bytes);
      this.#wake();
    });
    const end = (how: "closed" | "reset") => {
      this.ended ??= how;
      this.#wake();
    };
    socket.on("end", () => end("closed"));
    socket.on("close", () => end("closed"));
    socket.on("error", () => end("reset"));
  }

  static open(port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () => {
        socket.off("error", reject);
        resolve(new RawConnection(socket));
      });
      socket.once("error", reject);
    });
  }

  send(bytes: Buffer | string): void {
    this.#socket.write(bytes);
  }

  /** Reads until one answer is whole or the server ended the connection. */
  async receive(): Promise<RawAnswer> {
    const reads: Buffer[] = [];
    let bytes = Buffer.alloc(0);
    for (;;) {
      const more = this.#reads.splice(0);
      reads.push(...more);
      bytes = Buffer.concat([bytes, ...more]);
      const length = answerLength(bytes);
      if (length !== undefined) {
        if (bytes.length > length) this.#reads.unshift(bytes.subarray(length));
        return { bytes: bytes.subarray(0, length), complete: true, reads };
      }
      if (this.ended !== undefined) return { bytes, complete: false, reads };
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Resolves when `count` bytes or more came since the last answer. */
  async untilBytes(count: number): Promise<Buffer> {
    while (this.#reads.reduce((sum, { length }) => sum + length, 0) < count && this.ended === undefined) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return Buffer.concat(this.#reads);
  }

  /** Asks once more on the same connection: does the server still answer on it? */
  async stillAnswers(): Promise<boolean> {
    if (this.ended !== undefined) return false;
    this.send("GET /sim/stats HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    return (await this.receive()).complete;
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Bytes of a JSON request over a raw socket. */
export function postBytes(path: string, body: unknown, headers: readonly string[] = []): Buffer {
  const json = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const lines = [`POST ${path} HTTP/1.1`, "Host: 127.0.0.1", "Content-Type: application/json", ...headers];
  return Buffer.concat([
    Buffer.from(`${lines.join("\r\n")}\r\nContent-Length: ${json.length}\r\n\r\n`),
    json,
  ]);
}

/** Length of the whole answer that `bytes` begins with; undefined while it is not all there. */
function answerLength(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = bytes.toString("latin1", 0, headEnd);
  const from = headEnd + 4;
  const length = /^content-length: (\d+)/im.exec(head);
  if (length !== null) return bytes.length >= from + Number(length[1]) ? from + Number(length[1]) : undefined;
  if (!/^transfer-encoding: chunked/im.test(head)) return undefined;
  return httpChunks(bytes, from).end;
}

/** The HTTP chunks from `from` on, and where the last one ends (undefined: it has not come). */
export function httpChunks(bytes: Buffer, from: number): { chunks: Buffer[]; end: number | undefined } {
  const chunks: Buffer[] = [];
  let at = from;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return { chunks, end: undefined };
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const start = lineEnd + 2;
    if (bytes.length < start + size + 2) return { chunks, end: undefined };
    if (size === 0) return { chunks, end: start + 2 };
    chunks.push(bytes.subarray(start, start + size));
    at = start + size + 2;
  }
}
