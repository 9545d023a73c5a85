import { closeSync, openSync, writeSync } from "node:fs";
import type { PieceKind } from "./answer.ts";

/** One event that carried text, as it was sent. */
export interface TruthChunk {
  readonly request: number;
  /** From 0 within the request, over all its choices, in the order sent. */
  readonly chunk: number;
  /** When its last byte was handed to the socket: microseconds of `process.hrtime`, comparable across processes of a host. */
  readonly us: number;
  /** Tokens made since the event before it that carried text. */
  readonly tokens: number;
  /** Bytes of its text as UTF-8. */
  readonly bytes: number;
  readonly kind: PieceKind;
  readonly choice: number;
  /** Number of the write it ended in: chunks of one write have the same. */
  readonly write: number;
}

/** One request, as far as it got. Times as in `TruthChunk`. */
export interface TruthRequest {
  readonly request: number;
  readonly api: "chat" | "completions";
  readonly stream: boolean;
  /** Value of the request's x-request-id header, to find it by. */
  readonly requestId?: string;
  readonly clientPort?: number;
  readonly prompt: string;
  promptTokens: number;
  cachedTokens: number;
  /** As the server counts them: an end token included where the engine does. */
  outputTokens: number;
  /** Text of the first choice that was sent (for an unstreamed answer: all of it). */
  text: string;
  reasoning: string;
  /** Name and arguments, joined. */
  tool: string;
  finish?: string;
  status?: number;
  readonly receivedUs: number;
  headersUs?: number;
  endUs?: number;
  /** `complete`, or how it ended otherwise: refused, cancelled by the client, reset, cut, error, … */
  outcome: string;
}

export interface Truth {
  readonly chunks: readonly TruthChunk[];
  readonly requests: readonly TruthRequest[];
}

const kinds: readonly PieceKind[] = ["content", "reasoning", "tool-name", "tool-arguments"];
/** Numbers a chunk in the log. */
const width = 8;

/** Keeps what was sent and when; some 64 bytes a chunk. */
export class TruthLog {
  readonly requests: TruthRequest[] = [];
  #rows = new Float64Array(1024 * width);
  #length = 0;
  #flushed = 0;
  readonly #file: number | undefined;

  /** With a file, what was logged is appended to it once 4096 chunks have gathered, and on `clear` and `close`. */
  constructor(file?: string) {
    this.#file = file === undefined ? undefined : openSync(file, "w");
  }

  get chunkCount(): number {
    return this.#length;
  }

  add(
    request: number,
    chunk: number,
    us: number,
    tokens: number,
    bytes: number,
    kind: PieceKind,
    choice: number,
    write: number,
  ) {
    const at = this.#length * width;
    if (at === this.#rows.length) {
      const larger = new Float64Array(this.#rows.length * 2);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    const rows = this.#rows;
    rows[at] = request;
    rows[at + 1] = chunk;
    rows[at + 2] = us;
    rows[at + 3] = tokens;
    rows[at + 4] = bytes;
    rows[at + 5] = kinds.indexOf(kind);
    rows[at + 6] = choice;
    rows[at + 7] = write;
    this.#length++;
    if (this.#file !== undefined && this.#length - this.#flushed >= 4096) this.#flush();
  }

  chunks(from = 0, to = this.#length): TruthChunk[] {
    const chunks: TruthChunk[] = [];
    for (let i = from; i < to; i++) {
      const [request = 0, chunk = 0, us = 0, tokens = 0, bytes = 0, kind = 0, choice = 0, write = 0] =
        this.#rows.subarray(i * width, (i + 1) * width);
      chunks.push({ request, chunk, us, tokens, bytes, kind: kinds[kind] ?? "content", choice, write });
    }
    return chunks;
  }

  /** Lines `{"type":"chunk",…}` and `{"type":"request",…}`. */
  *lines(): Generator<string> {
    for (const request of this.requests) yield `${JSON.stringify({ type: "request", ...request })}\n`;
    for (let from = 0; from < this.#length; from += 4096)
      yield this.#chunkLines(from, Math.min(this.#length, from + 4096));
  }

  /** Forgets everything (a file keeps it): for long-lived simulators between measurements. */
  clear(): void {
    this.#flushAll();
    this.#length = 0;
    this.#flushed = 0;
    this.requests.length = 0;
  }

  close(): void {
    this.#flushAll();
    if (this.#file !== undefined) closeSync(this.#file);
  }

  #flushAll(): void {
    if (this.#file === undefined) return;
    this.#flush();
    const lines = this.requests.map((request) => `${JSON.stringify({ type: "request", ...request })}\n`);
    writeSync(this.#file, lines.join(""));
  }

  #flush(): void {
    if (this.#file !== undefined) writeSync(this.#file, this.#chunkLines(this.#flushed, this.#length));
    this.#flushed = this.#length;
  }

  #chunkLines(from: number, to: number): string {
    return this.chunks(from, to)
      .map((chunk) => `${JSON.stringify({ type: "chunk", ...chunk })}\n`)
      .join("");
  }
}
