import type { AnswerState } from "./answer-state.ts";
import type { EventMeaning } from "./event-meaning.ts";
import type { ReadSeries } from "./read-series.ts";
import type { RequestRecord } from "./record.ts";

type Tokens = RequestRecord["tokens"];
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Adds up what a server says of an answer's tokens, in whichever way it says it. */
export class TokenAccount {
  #prompt = -1;
  #cached = -1;
  /** Of usage events without choices: their sum, and the last. */
  #finalSum = -1;
  #finalLast = -1;
  /** Of usage beside choices: the last count of each choice. */
  readonly #byChoice = new Map<number, number>();
  #lastTextOutput = 0;
  #pendingIds = 0;
  #usesLogprobs = false;

  clear(): void {
    this.#prompt = -1;
    this.#cached = -1;
    this.#finalSum = -1;
    this.#finalLast = -1;
    if (this.#byChoice.size > 0) this.#byChoice.clear();
    this.#lastTextOutput = 0;
    this.#pendingIds = 0;
    this.#usesLogprobs = false;
  }

  /** Takes one event. Call it once for each, in order, `series` having taken the event's text already. */
  take(meaning: EventMeaning, hasText: boolean, series: ReadSeries): void {
    if (meaning.promptTokens > this.#prompt) this.#prompt = meaning.promptTokens;
    if (meaning.cachedTokens > this.#cached) this.#cached = meaning.cachedTokens;
    const cachedByTimings = meaning.timings?.cachedTokens;
    if (cachedByTimings !== undefined && meaning.cachedTokens < 0) {
      this.#cached = Math.max(this.#cached, cachedByTimings);
    }
    const output = meaning.outputTokens;
    if (output >= 0 && meaning.choices === 0) {
      this.#finalSum = Math.max(this.#finalSum, 0) + output;
      this.#finalLast = output;
    } else if (output >= 0) {
      this.#byChoice.set(meaning.choice, output);
    }
    const ids = meaning.idTokens >= 0 ? meaning.idTokens : meaning.logprobTokens;
    if (meaning.idTokens < 0 && meaning.logprobTokens >= 0) this.#usesLogprobs = true;
    if (!hasText) {
      // A token without text of its own, such as half a character, belongs to the chunk that shows it.
      if (ids > 0) this.#pendingIds += ids;
      return;
    }
    const byUsage = output >= 0 && meaning.choices === 1 ? output - this.#lastTextOutput : -1;
    if (byUsage >= 0) this.#lastTextOutput = output;
    series.addTokens(byUsage, ids >= 0 ? ids + this.#pendingIds : -1);
    this.#pendingIds = 0;
  }

  /** Output tokens of all `choices` choices; -1 when the server did not say. */
  output(choices: number): number {
    // n = 2: vLLM sends one usage event with the sum, llama.cpp one for each choice.
    if (this.#finalSum >= 0) return choices > 1 ? this.#finalSum : this.#finalLast;
    let sum = -1;
    for (const count of this.#byChoice.values()) sum = Math.max(sum, 0) + count;
    return sum;
  }

  /** Usage came in an event of its own: no server sends that before the end. */
  get sawFinalUsage(): boolean {
    return this.#finalLast >= 0;
  }

  /** For the record. Counts of chunks are left out unless every chunk has one and they agree with the whole. */
  tokens(state: AnswerState, series: ReadSeries): Tokens {
    const output = this.output(state.choiceCount);
    const perChunk = this.#perChunk(output, state, series);
    const tokens: Writable<Tokens> = {};
    if (this.#prompt >= 0) tokens.prompt = this.#prompt;
    if (output >= 0) tokens.output = output;
    if (this.#cached >= 0) tokens.cached = this.#cached;
    if (perChunk !== undefined) {
      tokens.firstChunk = perChunk[0] ?? 0;
      tokens.perChunk = perChunk;
    }
    return tokens;
  }

  #perChunk(output: number, state: AnswerState, series: ReadSeries): number[] | undefined {
    // A JSON answer is one chunk with all its tokens, so that nothing pretends to be a time between tokens.
    if (state.form === "json") return output >= 0 && series.chunkCount === 1 ? [output] : undefined;
    if (state.choiceCount > 1) return undefined;
    const byUsage = series.tokensByUsage();
    if (byUsage !== undefined) return byUsage;
    const byIds = series.tokensByIds();
    if (byIds === undefined) return undefined;
    const sum = byIds.reduce((total, count) => total + count, 0);
    // The end token may be counted and have no entry; tokens without text may come after the last chunk.
    const agrees =
      output < 0
        ? !this.#usesLogprobs
        : sum + this.#pendingIds === output ||
          (state.finish !== "length" && sum + this.#pendingIds === output - 1);
    // SGLang 0.4.7 repeats in each chat chunk the log-probabilities of all before it.
    return agrees ? byIds : undefined;
  }
}
