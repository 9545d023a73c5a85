import { describeErrorBody } from "./error-body.ts";
import type { ServerTimings } from "./event-meaning.ts";
import type { RequestRecord } from "./record.ts";
import type { ConnectionUse } from "./transport.ts";

export type RequestError = NonNullable<RequestRecord["error"]>;

/** What has come of one answer so far. Times are whole microseconds; -1: has not happened. */
export class AnswerState {
  // What each chunk looks at stands together: with a thousand streams, every other line of memory must be fetched anew.
  /** How the body is read: by status and content type, else by its first byte. */
  form: "undecided" | "stream" | "json" | "error" = "undecided";
  firstByteUs = -1;
  firstTextUs = -1;
  firstAnswerUs = -1;
  lastTextUs = -1;
  /** Events of any kind; those that are chunks of this API, with text or without. */
  events = 0;
  chunkEvents = 0;
  /** Bit n: choice n was seen; it has a finish reason. */
  seenMask = 0;
  finishedMask = 0;
  connection: ConnectionUse = { reused: false };
  status = 0;
  retryAfterSeconds: number | undefined;
  body: Buffer[] = [];
  bodyBytes = 0;
  sentUs = -1;
  headersUs = -1;
  roleUs = -1;
  usageUs = -1;
  /** There was JSON that is not of this API, or lines that are not of an event stream. */
  sawStrangeJson = false;
  sawStrangeLine = false;
  /** The body ended inside an event. */
  cutEvent = false;
  done = false;
  finish = "";
  timings: ServerTimings | undefined;
  /** The first thing in the answer that makes it fail, whatever comes after. */
  failure: RequestError | undefined;

  /** Choices that were seen, at least 1. */
  get choiceCount(): number {
    let count = 0;
    for (let mask = this.seenMask; mask !== 0; mask &= mask - 1) count++;
    return Math.max(count, 1);
  }
}

/** What usage says of an answer, for judging whether it is whole. */
export interface UsageSeen {
  /** -1: not said. */
  readonly outputTokens: number;
  /** Usage came in an event of its own: no server sends that before the end. */
  readonly final: boolean;
  /** Output length asked for. */
  readonly maxTokens: number;
}

/**
 * Is the answer whole? A finish reason for every choice that began, or usage that accounts for the end where a
 * server sends none. `[DONE]` proves nothing: llama-cpp-python says it after a stream that it cut short.
 */
export function isWhole(state: AnswerState, usage: UsageSeen): boolean {
  if (state.seenMask !== 0 && (state.seenMask & ~state.finishedMask) === 0) return true;
  // SGLang 0.4.7 gives only one of several choices a reason, with the usage of all.
  if (state.finishedMask !== 0 && usage.outputTokens >= 0 && state.done) return true;
  return usage.final || usage.outputTokens >= usage.maxTokens;
}

/** What is wrong with an answer whose transport ended well; undefined when nothing is. */
export function judgeAnswer(state: AnswerState, usage: UsageSeen): RequestError | undefined {
  if (state.form === "error") return httpError(state);
  if (state.failure !== undefined) return state.failure;
  if (state.firstByteUs < 0) return { kind: "empty", message: `HTTP ${state.status} without a body` };
  if (state.chunkEvents === 0 && !state.cutEvent) {
    if (state.sawStrangeJson || (state.events === 0 && state.sawStrangeLine)) {
      return garbage("no event of this API in the body");
    }
    return { kind: "empty", message: `HTTP ${state.status} without any chunk` };
  }
  if (!isWhole(state, usage)) {
    const said = state.done ? ", though it said [DONE]" : "";
    return { kind: "truncated", message: `the stream ended without a finish reason${said}` };
  }
  if (state.firstTextUs < 0 && textWasDue(state, usage)) {
    return { kind: "empty", message: `no text in the answer (finish reason ${state.finish || "not given"})` };
  }
  return undefined;
}

export function httpError(state: AnswerState): RequestError {
  const said = describeErrorBody(Buffer.concat(state.body).toString("utf8"));
  const message = said === "" ? `HTTP ${state.status}` : `HTTP ${state.status}: ${said}`;
  const retryAfterSeconds = state.retryAfterSeconds;
  return { kind: "http", message, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) };
}

export function garbage(what: string): RequestError {
  return { kind: "garbage", message: `not an answer of this API: ${what.slice(0, 200)}` };
}

/** A model may end at once, and a single token may be half a character: then there is rightly no text. */
function textWasDue(state: AnswerState, usage: UsageSeen): boolean {
  return usage.outputTokens >= 0 ? usage.outputTokens > 1 : state.finish === "length";
}
