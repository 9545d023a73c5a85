import { AnswerState, garbage, httpError, isWhole, judgeAnswer, type RequestError } from "./answer-state.ts";
import { AnswerText } from "./answer-text.ts";
import { EventMeaning, type KnowingEventReader } from "./event-meaning.ts";
import type { ReadOptions } from "./measurement.ts";
import { ReadSeries } from "./read-series.ts";
import type { RequestRecord } from "./record.ts";
import { SseScanner } from "./sse-scanner.ts";
import { TokenAccount } from "./token-account.ts";
import type { ConnectionUse, Sink, TransportErrorKind } from "./transport.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Where a request stands in its measurement: what its record says beside what came over the wire. */
export interface RequestPlace {
  readonly i: number;
  readonly worker: number;
  readonly phase: RequestRecord["phase"];
  readonly scheduledUs: number;
}

const longestAnswer = 64 * 1024 * 1024;
const longestErrorBody = 64 * 1024;

/**
 * The sink that turns one answer after another into records: call `begin`, hand it to a transport, and `onRecord`
 * gets the record, once. Times are rounded to whole microseconds as they come in, so that gaps add up.
 */
export class ResponseReader implements Sink {
  readonly #onRecord: (record: RequestRecord, reader: ResponseReader) => void;
  readonly #events: KnowingEventReader;
  readonly #maxTokens: number;
  readonly #text: AnswerText | undefined;
  readonly #meaning = new EventMeaning();
  readonly #series = new ReadSeries();
  readonly #tokens = new TokenAccount();
  readonly #scanner = new SseScanner({
    event: (bytes, from, to, type) => this.#takeEvent(bytes, from, to, type),
  });
  /** The scanner holds nothing over: the next event may be known without it. */
  #betweenEvents = false;
  #place: RequestPlace = { i: 0, worker: 0, phase: "measured", scheduledUs: 0 };
  #state = new AnswerState();
  #open = false;
  /** The read being taken in: its own time, and whether it has carried text yet. */
  #readT = -1;
  #readUs = 0;
  #readHasText = false;

  constructor(
    options: ReadOptions,
    events: KnowingEventReader,
    onRecord: (record: RequestRecord, reader: ResponseReader) => void,
  ) {
    this.#events = events;
    this.#onRecord = onRecord;
    this.#maxTokens = options.maxTokens ?? Number.POSITIVE_INFINITY;
    this.#text = options.saveText === true ? new AnswerText() : undefined;
  }

  /** Of the answer so far: chunks with generated text, reads that carried some, reads with more than one chunk. */
  get chunks(): number {
    return this.#series.chunkCount;
  }

  get reads(): number {
    return this.#series.length;
  }

  get coalescedReads(): number {
    return this.#series.coalesced;
  }

  begin(place: RequestPlace): void {
    this.#place = place;
    this.#state = new AnswerState();
    this.#open = true;
    this.#readT = -1;
    this.#readHasText = false;
    this.#scanner.reset();
    this.#betweenEvents = false;
    this.#series.clear();
    this.#tokens.clear();
    this.#text?.clear();
  }

  sent(t: number, connection: ConnectionUse): void {
    this.#state.sentUs = Math.round(t);
    this.#state.connection = connection;
  }

  headers(t: number, status: number, headers: Readonly<Record<string, string>>): void {
    const state = this.#state;
    state.headersUs = Math.round(t);
    state.status = status;
    const type = headers["content-type"] ?? "";
    if (status < 200 || status > 299) {
      state.form = "error";
      state.retryAfterSeconds = retryAfterSeconds(headers["retry-after"]);
    } else if (type.includes("event-stream")) {
      state.form = "stream";
    } else if (/\bjson\b/.test(type)) {
      state.form = "json";
    }
  }

  body(t: number, bytes: Uint8Array, from: number, to: number): void {
    if (!this.#open || from === to) return;
    if (t !== this.#readT) {
      this.#readT = t;
      this.#readUs = Math.round(t);
      this.#readHasText = false;
    }
    const state = this.#state;
    if (state.firstByteUs < 0) state.firstByteUs = this.#readUs;
    if (state.form === "undecided") {
      state.form = firstVisible(bytes, from, to) === 0x7b ? "json" : "stream";
    }
    if (state.form === "stream") {
      const rest = this.#betweenEvents ? this.#takeKnownEvents(bytes, from, to) : from;
      if (rest === to) return;
      this.#scanner.push(bytes, rest, to);
      this.#betweenEvents = this.#scanner.betweenEvents;
    } else {
      const limit = state.form === "error" ? longestErrorBody : longestAnswer;
      const kept = Math.min(to, from + limit - state.bodyBytes);
      if (kept > from) state.body.push(Buffer.from(bytes.subarray(from, kept)));
      state.bodyBytes += Math.max(0, kept - from);
    }
  }

  end(t: number): void {
    if (!this.#open) return;
    if (this.#state.form === "stream") this.#finishStream();
    else if (this.#state.form === "json") this.#takeJsonAnswer();
    this.#finish(Math.round(t), judgeAnswer(this.#state, this.#usage()));
  }

  error(t: number, kind: TransportErrorKind, message: string): void {
    if (!this.#open) return;
    const state = this.#state;
    let error: RequestError | undefined = state.failure ?? { kind, message };
    if (kind === "reset" && state.form === "error") {
      error = httpError(state);
    } else if (kind === "reset" && state.done && isWhole(state, this.#usage())) {
      // The answer was whole before the connection broke: some servers omit the last HTTP chunk.
      error = judgeAnswer(state, this.#usage());
    }
    this.#finish(Math.round(t), error);
  }

  #finishStream(): void {
    const failure = this.#state.failure;
    this.#scanner.finish();
    this.#state.sawStrangeLine = this.#scanner.sawStrangeLine;
    // What is not JSON at the very end is an event cut in two: the missing finish reason shows it.
    if (failure === undefined && this.#state.failure?.kind === "garbage") {
      this.#state.failure = undefined;
      this.#state.cutEvent = true;
    }
    if (this.#scanner.overflowed) this.#state.failure ??= garbage("a line of more than 16 MiB");
  }

  /** Takes events that are like those before; says where the first that is not begins. */
  #takeKnownEvents(bytes: Uint8Array, from: number, to: number): number {
    for (let at = from; ; ) {
      const end = this.#events.readKnown(bytes, at, to);
      if (end < 0) return at;
      this.#takeKnown(this.#events.known);
      at = end;
    }
  }

  #takeEvent(bytes: Uint8Array, from: number, to: number, type: string): void {
    const meaning = this.#meaning;
    this.#events.read(bytes, from, to, type, meaning);
    this.#state.events++;
    switch (meaning.kind) {
      case "chunk":
        this.#takeChunk(meaning);
        break;
      case "done":
        this.#state.done = true;
        break;
      case "error":
        this.#state.failure ??= { kind: "stream", message: meaning.errorMessage };
        break;
      case "garbage":
        this.#state.failure ??= garbage(meaning.errorMessage);
        break;
      case "unknown":
        this.#state.sawStrangeJson = true;
        break;
      case "nothing":
        break;
    }
  }

  /** A chunk of one choice that says nothing but its text: what takeChunk comes to where there is some. */
  #takeKnown(meaning: EventMeaning): void {
    const state = this.#state;
    state.events++;
    const textBytes = meaning.answerBytes + meaning.reasoningBytes;
    if (textBytes === 0 || state.firstAnswerUs < 0) {
      this.#takeChunk(meaning);
      return;
    }
    state.chunkEvents++;
    state.lastTextUs = this.#readUs;
    state.seenMask |= meaning.seenMask;
    this.#series.add(this.#readUs, this.#readHasText, textBytes);
    this.#series.addTokens(-1, -1);
    this.#readHasText = true;
    this.#text?.take(meaning);
  }

  #takeChunk(meaning: EventMeaning): void {
    const state = this.#state;
    const atUs = this.#readUs;
    const textBytes = meaning.answerBytes + meaning.reasoningBytes + meaning.toolBytes;
    state.chunkEvents++;
    if (textBytes > 0) {
      this.#series.add(atUs, this.#readHasText, textBytes);
      this.#readHasText = true;
      state.lastTextUs = atUs;
      if (state.firstTextUs < 0) state.firstTextUs = atUs;
      if (state.firstAnswerUs < 0 && meaning.answerBytes > 0) state.firstAnswerUs = atUs;
      this.#text?.take(meaning);
    } else if (meaning.role && state.roleUs < 0 && state.firstTextUs < 0) {
      state.roleUs = atUs;
    }
    if (meaning.outputTokens >= 0) state.usageUs = atUs;
    state.seenMask |= meaning.seenMask;
    state.finishedMask |= meaning.finishedMask;
    if (meaning.finish !== "") state.finish = meaning.finish;
    if (meaning.timings !== undefined) state.timings = meaning.timings;
    this.#tokens.take(meaning, textBytes > 0, this.#series);
  }

  /** All text came at once: one read, one chunk, whose tokens are all there are. */
  #takeJsonAnswer(): void {
    const state = this.#state;
    const body = Buffer.concat(state.body);
    const meaning = this.#meaning;
    this.#events.read(body, 0, body.length, "", meaning);
    // Its message has a role; that is no chunk that came ahead of the text.
    meaning.role = false;
    if (meaning.kind === "chunk") this.#takeChunk(meaning);
    else if (meaning.kind === "error") state.failure = { kind: "stream", message: meaning.errorMessage };
    else if (body.length > 0) state.failure = garbage(body.toString("utf8", 0, 200));
  }

  #usage(): { outputTokens: number; final: boolean; maxTokens: number } {
    return {
      outputTokens: this.#tokens.output(this.#state.choiceCount),
      final: this.#tokens.sawFinalUsage,
      maxTokens: this.#maxTokens,
    };
  }

  #finish(endUs: number, error: RequestError | undefined): void {
    this.#open = false;
    const state = this.#state;
    const record: Writable<RequestRecord> = {
      i: this.#place.i,
      worker: this.#place.worker,
      phase: this.#place.phase,
      connection: state.connection,
      scheduledUs: Math.round(this.#place.scheduledUs),
      endUs,
      reads: this.#series.reads(),
      tokens: this.#tokens.tokens(state, this.#series),
    };
    if (state.sentUs >= 0) record.sentUs = state.sentUs;
    if (state.headersUs >= 0) record.headersUs = state.headersUs;
    if (state.firstByteUs >= 0) record.firstByteUs = state.firstByteUs;
    if (state.roleUs >= 0) record.roleUs = state.roleUs;
    if (state.firstTextUs >= 0) record.firstTextUs = state.firstTextUs;
    if (state.firstAnswerUs >= 0) record.firstAnswerUs = state.firstAnswerUs;
    if (state.lastTextUs >= 0) record.lastTextUs = state.lastTextUs;
    if (state.usageUs >= 0) record.usageUs = state.usageUs;
    if (state.finish !== "") record.finish = state.finish;
    if (state.status > 0) record.status = state.status;
    if (state.done) record.done = true;
    if (this.#text !== undefined) record.text = this.#text.joined();
    if (state.timings !== undefined) record.serverTimings = state.timings;
    if (error !== undefined) record.error = error;
    this.#onRecord(record, this);
  }
}

function firstVisible(bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    const byte = bytes[i] ?? 0;
    // Past blanks and a byte order mark.
    if (byte > 0x20 && byte !== 0xef && byte !== 0xbb && byte !== 0xbf) return byte;
  }
  return 0;
}

/** `Retry-After`, in seconds or as a date, in seconds; undefined when absent or neither. */
function retryAfterSeconds(value: string | undefined): number | undefined {
  if (value === undefined || value === "") return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.round((date - Date.now()) / 1000));
}
