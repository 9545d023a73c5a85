/**
 * What one event of an answer, or one whole JSON answer, means. One object is filled again and again, so that the
 * hot path allocates nothing; whoever fills it calls `clear` first.
 */
export class EventMeaning {
  /**
   * `nothing`: known and without meaning here (`null`, blank). `unknown`: JSON, but not of this API.
   * `garbage`: not JSON.
   */
  kind: "chunk" | "done" | "error" | "nothing" | "unknown" | "garbage" = "nothing";
  /** Bytes of generated text, UTF-8. A tool call's name and arguments are generated text. */
  answerBytes = 0;
  reasoningBytes = 0;
  toolBytes = 0;
  /** The text itself; empty when not asked for. */
  answer = "";
  reasoning = "";
  readonly tools: ToolPart[] = [];
  /** A choice named its role. */
  role = false;
  /** Choices in the event; the final usage event has none. */
  choices = 0;
  /** Index of the last choice in the event. */
  choice = 0;
  /** Bit n set: the event holds choice n; it gives choice n a finish reason. Choices above 30 share bit 30. */
  seenMask = 0;
  finishedMask = 0;
  finish = "";
  /** By `usage`; -1 where the event says nothing of it. */
  promptTokens = -1;
  outputTokens = -1;
  cachedTokens = -1;
  /** Tokens of this event by its token ids or log-probabilities; -1 without. */
  idTokens = -1;
  logprobTokens = -1;
  timings: ServerTimings | undefined;
  errorMessage = "";

  get textBytes(): number {
    return this.answerBytes + this.reasoningBytes + this.toolBytes;
  }

  clear(): void {
    this.kind = "nothing";
    this.answerBytes = 0;
    this.reasoningBytes = 0;
    this.toolBytes = 0;
    this.answer = "";
    this.reasoning = "";
    if (this.tools.length > 0) this.tools.length = 0;
    this.role = false;
    this.choices = 0;
    this.choice = 0;
    this.seenMask = 0;
    this.finishedMask = 0;
    this.finish = "";
    this.promptTokens = -1;
    this.outputTokens = -1;
    this.cachedTokens = -1;
    this.idTokens = -1;
    this.logprobTokens = -1;
    this.timings = undefined;
    this.errorMessage = "";
  }
}

/** A piece of a tool call; `call` is its place among the calls of its choice. */
export interface ToolPart {
  readonly choice: number;
  readonly call: number;
  readonly name: string;
  readonly arguments: string;
}

/** The server's own timings (llama.cpp), milliseconds. */
export interface ServerTimings {
  readonly promptMs: number;
  readonly promptTokens: number;
  readonly predictedMs: number;
  readonly predictedTokens: number;
  readonly cachedTokens?: number;
}

/**
 * Reads events. The seam where the hot path can be replaced: what stands above it sees only meanings.
 * `type` is the event's name, "" without one.
 */
export interface EventReader {
  read(bytes: Uint8Array, from: number, to: number, type: string, meaning: EventMeaning): void;
}

/** One that knows most events again without taking the stream apart. */
export interface KnowingEventReader extends EventReader {
  /**
   * Where an event ends that begins at `from`, its `data:` and its blank line and all, if it is like the last one and whole
   * before `to`; -1 for any other. What it means is then in `known`, until the next event.
   */
  readKnown(bytes: Uint8Array, from: number, to: number): number;
  readonly known: EventMeaning;
}
