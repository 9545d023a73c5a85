import type { PieceKind } from "./answer.ts";
import { cutAtRandom, transformOf } from "./byte-effects.ts";
import type { Wire } from "./http.ts";
import type { Effects } from "./options.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";
import type { TruthLog } from "./truth.ts";

/** What of an HTTP chunk goes into the truth: the text event in it. */
export interface Mark {
  readonly tokens: number;
  readonly bytes: number;
  readonly kind: PieceKind;
  readonly choice: number;
}

/** What becomes of the connection after an answer: it is kept (unless the server closes it anyway), closed or reset. */
export type ConnectionEnd = "keep" | "close" | "reset";

/** Where a stream's bytes go and what is done to them. */
export interface StreamContext {
  readonly wire: Wire;
  readonly timeline: Timeline;
  readonly truth: TruthLog;
  readonly request: number;
  readonly effects: Effects;
  readonly random: Random;
  readonly upperCaseChunkSizes: boolean;
  readonly commentEveryMs: number | undefined;
  /** The engine's error event. */
  readonly errorEvent: (message: string) => string;
  readonly done: string | undefined;
  /** Everything is out: the stream ended as it should, or as an effect has it. Called once; `end` is the connection's. */
  readonly over: (outcome: string, end: ConnectionEnd) => void;
}

interface Item {
  readonly content: string;
  readonly framed: boolean;
  readonly mark?: Mark;
}
type Barrier =
  | { readonly pauseMs: number }
  | { readonly hang: true }
  | { readonly end: ConnectionEnd; readonly outcome: string };

/**
 * Sends one stream: frames events as HTTP chunks, writes what is due in one write, and stamps into the truth when each
 * event's last byte was handed over. All effects on bytes and all faults of a stream are here.
 */
export class StreamWriter {
  #queue: (Item | Barrier)[] = [];
  /** A pause, or a write whose pieces are still going out. */
  #busy = false;
  #splitting = false;
  #sealed = false;
  #over = false;
  /** Text events queued, events queued since the last write, and text events sent. */
  #textEvents = 0;
  #gathered = 0;
  #sentChunks = 0;
  #writes = 0;
  #lastWriteUs = 0;
  #cancelComment: (() => void) | undefined;
  readonly #context: StreamContext;
  readonly #transform: ((content: string) => string) | undefined;
  readonly #plain: boolean;

  constructor(context: StreamContext) {
    this.#context = context;
    const { split, httpChunks, stamp, slowHeadersMs } = context.effects;
    this.#plain = split === undefined && httpChunks === undefined && stamp !== true;
    this.#transform = transformOf(context.effects, context.random);
    if (slowHeadersMs !== undefined) this.#queue.push({ pauseMs: slowHeadersMs });
  }

  /** True when an effect ended the stream: no further event is wanted. */
  get ended(): boolean {
    return this.#sealed;
  }

  /** Text events that have gone out. */
  get sentChunks(): number {
    return this.#sentChunks;
  }

  head(text: string): void {
    this.#queue.push({ content: text, framed: false });
    this.#applyFaults();
    this.flush(true);
    this.#watchSilence();
  }

  /** Queues the content of one HTTP chunk; `mark` when it carries text. */
  event(content: string, mark?: Mark): void {
    if (this.#sealed) return;
    const item = { content: this.#transform?.(content) ?? content, framed: true };
    this.#queue.push(mark === undefined ? item : { ...item, mark });
    this.#gathered++;
    if (mark !== undefined) {
      this.#textEvents++;
      this.#applyFaults();
    }
  }

  /** Sends what is queued, unless events are to be gathered first. */
  flush(now = false): void {
    const { coalesce } = this.#context.effects;
    if (!now && !this.#sealed && coalesce !== undefined && this.#gathered < coalesce) return;
    this.#gathered = 0;
    this.#pump();
  }

  /** The orderly end: the last HTTP chunk. */
  finish(): void {
    if (!this.#sealed) this.#end("keep", "complete", true);
    this.flush(true);
  }

  /** Ends at once as the engine's death or a shutdown has it. */
  abort(how: "error" | "close" | "close-after-done", outcome: string, message = ""): void {
    if (this.#sealed) return;
    this.#queue = [];
    this.#busy = false;
    // Nothing fits into the middle of a chunk.
    if (this.#splitting) this.#end("close", outcome, false);
    else if (how === "error") this.#failWith(message, outcome);
    else {
      if (how === "close-after-done" && this.#context.done !== undefined) {
        this.#queue.push({ content: this.#context.done, framed: true });
      }
      this.#end("close", outcome, false);
    }
    this.flush(true);
  }

  /** The client left: nothing more is written. */
  drop(): void {
    this.#sealed = true;
    this.#over = true;
    this.#queue = [];
    this.#cancelComment?.();
  }

  #applyFaults(): void {
    const { silence, hang, reset, cut, streamError } = this.#context.effects;
    const now = this.#textEvents;
    if (silence?.afterChunk === now) this.#queue.push({ pauseMs: silence.ms });
    if (hang?.afterChunk === now) this.#queue.push({ hang: true });
    if (streamError?.afterChunk === now) this.#failWith(streamError.message, "stream-error");
    else if (reset?.afterChunk === now) {
      // A client that finds data and a reset in one poll may take the reset for an orderly end (libuv does).
      this.#queue.push({ pauseMs: 10 });
      this.#seal({ end: "reset", outcome: "reset" });
    } else if (cut?.afterChunk === now) {
      if (cut.done && this.#context.done !== undefined)
        this.#queue.push({ content: this.#context.done, framed: true });
      this.#end("close", "cut", cut.lastHttpChunk);
    }
  }

  #failWith(message: string, outcome: string): void {
    this.#queue.push({ content: this.#context.errorEvent(message), framed: true });
    if (this.#context.done !== undefined) this.#queue.push({ content: this.#context.done, framed: true });
    this.#end("keep", outcome, true);
  }

  #end(end: ConnectionEnd, outcome: string, lastHttpChunk: boolean): void {
    if (lastHttpChunk) this.#queue.push({ content: "0\r\n\r\n", framed: false });
    this.#seal({ end, outcome });
  }

  #seal(barrier: Barrier): void {
    this.#queue.push(barrier);
    this.#sealed = true;
  }

  #pump(): void {
    while (!this.#busy && this.#queue.length > 0) {
      const items: Item[] = [];
      let barrier: Barrier | undefined;
      for (const entry of this.#queue) {
        if (!("content" in entry)) {
          barrier = entry;
          break;
        }
        items.push(entry);
      }
      this.#queue.splice(0, items.length + (items.length === 0 ? 1 : 0));
      if (items.length > 0) this.#write(items);
      else if (barrier !== undefined) this.#pass(barrier);
    }
  }

  #pass(barrier: Barrier): void {
    const { timeline, over } = this.#context;
    if ("pauseMs" in barrier) {
      this.#busy = true;
      timeline.later(barrier.pauseMs, () => this.#resume());
    } else if ("hang" in barrier) {
      this.#busy = true;
      this.#cancelComment?.();
    } else if (!this.#over) {
      this.#over = true;
      this.#cancelComment?.();
      over(barrier.outcome, barrier.end);
    }
  }

  #resume(): void {
    if (this.#over) return;
    this.#busy = false;
    this.#splitting = false;
    this.#pump();
  }

  #write(items: readonly Item[]): void {
    if (!this.#plain) {
      this.#writeWithEffects(items);
      return;
    }
    let text = "";
    let ascii = true;
    for (const { content, framed } of items) {
      if (!framed) text += content;
      else {
        const bytes = Buffer.byteLength(content);
        ascii &&= bytes === content.length;
        text += `${this.#size(bytes)}\r\n${content}\r\n`;
      }
    }
    const us = this.#context.timeline.nowUs();
    this.#lastWriteUs = us;
    this.#context.wire.write(text, ascii ? "latin1" : "utf8");
    for (const { mark } of items) if (mark !== undefined) this.#stamp(mark, us);
    this.#writes++;
  }

  #writeWithEffects(items: readonly Item[]): void {
    const { timeline, wire, random, effects } = this.#context;
    const parts: Buffer[] = [];
    const marks: { mark: Mark; end: number }[] = [];
    let end = 0;
    let chunk = this.#sentChunks;
    for (const { content, framed, mark } of items) {
      const stamped = effects.stamp === true && framed ? this.#withStamp(content, chunk) : content;
      for (const part of framed ? this.#frame(Buffer.from(stamped)) : [Buffer.from(stamped)]) {
        parts.push(part);
        end += part.length;
      }
      if (mark !== undefined) {
        marks.push({ mark, end });
        chunk++;
      }
    }
    const pieces = cutAtRandom(Buffer.concat(parts), effects.split?.pieces ?? 1, random);
    let sent = 0;
    const next = () => {
      const piece = pieces.shift();
      if (piece === undefined || this.#over) return this.#resume();
      const us = timeline.nowUs();
      this.#lastWriteUs = us;
      wire.write(piece, "utf8");
      sent += piece.length;
      for (let first = marks[0]; first !== undefined && first.end <= sent; first = marks[0]) {
        this.#stamp(first.mark, us);
        marks.shift();
      }
      this.#writes++;
      if (pieces.length > 0) timeline.later(effects.split?.gapMs ?? 0, next);
      else this.#resume();
    };
    this.#busy = true;
    this.#splitting = pieces.length > 1;
    next();
  }

  #withStamp(content: string, chunk: number): string {
    const us = Math.round(this.#context.timeline.nowUs());
    return content.replace(
      /\}(?=[\r\n]+$|[\r\n]+data:)/g,
      `,"sim":{"i":${this.#context.request},"c":${chunk},"t":${us}}}`,
    );
  }

  /** The content as one HTTP chunk, or as several. */
  #frame(content: Buffer): Buffer[] {
    return cutAtRandom(content, this.#context.effects.httpChunks ?? 1, this.#context.random).map((part) =>
      Buffer.concat([Buffer.from(`${this.#size(part.length)}\r\n`), part, Buffer.from("\r\n")]),
    );
  }

  #size(bytes: number): string {
    const size = bytes.toString(16);
    return this.#context.upperCaseChunkSizes ? size.toUpperCase() : size;
  }

  #stamp({ tokens, bytes, kind, choice }: Mark, us: number): void {
    this.#context.truth.add(
      this.#context.request,
      this.#sentChunks++,
      us,
      tokens,
      bytes,
      kind,
      choice,
      this.#writes,
    );
  }

  /** Comments keep a silent stream alive. */
  #watchSilence(): void {
    const everyMs = this.#context.effects.commentEveryMs ?? this.#context.commentEveryMs;
    if (everyMs === undefined || this.#over) return;
    const { timeline, wire } = this.#context;
    this.#lastWriteUs = timeline.nowUs();
    const check = () => {
      // A timer may come a little early, and a comment must not fall into the middle of a split write.
      const idleMs = (timeline.nowUs() - this.#lastWriteUs) / 1000;
      if (idleMs >= everyMs - 1 && this.#writes > 0 && !this.#splitting) {
        wire.write("3\r\n:\n\n\r\n", "latin1");
        this.#lastWriteUs = timeline.nowUs();
      }
      const waitMs = Math.max(1, everyMs - (timeline.nowUs() - this.#lastWriteUs) / 1000);
      this.#cancelComment = timeline.later(waitMs, check);
    };
    this.#cancelComment = timeline.later(everyMs, check);
  }
}
