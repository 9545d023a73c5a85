import type { Effects } from "./options.ts";
import { mix } from "./random.ts";
import { type Released, StopFilter, type StopStyle } from "./stop-strings.ts";
import { tokenText } from "./words.ts";

/** What a piece of text is of. */
export type PieceKind = "content" | "reasoning" | "tool-name" | "tool-arguments";

/** What one event carries. */
export interface Piece {
  readonly kind: PieceKind;
  /** Field of the delta it goes into, where it is text: "content", or what reasoning is called. */
  readonly field: string;
  readonly text: string;
  /** Texts of the tokens that were generated for it since the event before ("" for a token without text). */
  readonly tokenTexts: readonly string[];
}

type FinishReason = "length" | "stop" | "tool_calls";

export interface AnswerEnd {
  readonly reason: FinishReason;
  /** Ended by the end token (which counts as a token), or by this stop string. */
  readonly by?: { readonly end: true } | { readonly stop: string };
}

/** How a server turns tokens into events. */
export interface TextStyle {
  /** An event with "" for a token that completes no character; otherwise none. */
  readonly emptyEvents: boolean;
  /** The end token's text, where it is sent as text (TGI's completions stream). */
  readonly endText?: string;
  /** The end token is no output token (llama-cpp-python). */
  readonly endUncounted?: boolean;
  readonly stop: StopStyle;
}

export interface AnswerPlan {
  /** Decides the made-up words. */
  readonly key: number;
  readonly maxTokens: number;
  readonly minTokens: number;
  readonly ignoreEnd: boolean;
  readonly stops: readonly string[];
  readonly chat: boolean;
}

/** Makes one answer token by token: nothing of it is held but what is not yet sent. */
export class Answer {
  /** Tokens so far, an end token included. */
  tokens = 0;
  reasoningTokens = 0;
  end: AnswerEnd | undefined;
  readonly #plan: AnswerPlan;
  readonly #effects: Effects;
  readonly #style: TextStyle;
  readonly #filter: StopFilter | undefined;
  #untold: string[] = [];
  #held: Piece[] = [];
  #heldTokens = 0;
  #due: number;

  constructor(plan: AnswerPlan, effects: Effects, style: TextStyle) {
    this.#plan = plan;
    this.#effects = effects;
    this.#style = style;
    this.#filter = plan.stops.length > 0 ? new StopFilter(plan.stops, style.stop) : undefined;
    this.#due = this.#nextGroup();
  }

  /** Tokens as the server counts them. */
  get countedTokens(): number {
    const uncounted = this.#style.endUncounted === true && this.end?.by !== undefined && "end" in this.end.by;
    return uncounted ? this.tokens - 1 : this.tokens;
  }

  /** Generates one token; the events it makes due. After the last, `end` is set. */
  next(): Piece[] {
    const position = this.tokens++;
    const ending = this.#ends(position);
    const limit = this.tokens >= this.#plan.maxTokens;
    const kind = this.#kindAt(position);
    const endText = kind === "tool-arguments" ? '"}' : (this.#style.endText ?? "");
    const text = ending ? endText : this.#textAt(position, limit);
    this.#untold.push(ending ? "" : text);
    const released: Released =
      this.#filter === undefined || kind !== "content"
        ? { texts: text !== "" || this.#style.emptyEvents ? [text] : [] }
        : this.#filter.push(text, limit || ending);
    const reason = this.#plan.chat && this.#effects.toolCall !== undefined ? "tool_calls" : "stop";
    if (released.matched !== undefined) this.end = { reason: "stop", by: { stop: released.matched } };
    else if (ending) this.end = { reason, by: { end: true } };
    else if (limit) this.end = { reason: kind.startsWith("tool") ? "tool_calls" : "length" };
    for (const piece of released.texts) {
      const field =
        kind === "reasoning" ? (this.#effects.reasoning?.field ?? "reasoning_content") : "content";
      this.#held.push({ kind, field, text: piece, tokenTexts: this.#untold });
      this.#untold = [];
    }
    return this.#take();
  }

  /** Several tokens in one event: what came since the last is joined, kind by kind. */
  #take(): Piece[] {
    this.#heldTokens++;
    if (this.#effects.tokensPerChunk === undefined) {
      const pieces = this.#held;
      this.#held = [];
      return pieces;
    }
    if (this.#heldTokens < this.#due && this.end === undefined) return [];
    const joined: Piece[] = [];
    for (const piece of this.#held) {
      const before = joined.at(-1);
      if (before?.kind === piece.kind) {
        joined[joined.length - 1] = {
          ...piece,
          text: before.text + piece.text,
          tokenTexts: [...before.tokenTexts, ...piece.tokenTexts],
        };
      } else joined.push(piece);
    }
    this.#held = [];
    this.#heldTokens = 0;
    this.#due = this.#nextGroup();
    return joined;
  }

  #nextGroup(): number {
    const { min = 1, max = 1 } = this.#effects.tokensPerChunk ?? {};
    return min + (mix(this.#plan.key ^ 0x1b873593, this.tokens) % (Math.max(max, min) - min + 1));
  }

  #ends(position: number): boolean {
    if (this.#plan.ignoreEnd || position < this.#plan.minTokens) return false;
    const { script, naturalStop } = this.#effects;
    if (script?.end === "eos" && position === script.tokens.length) return true;
    if (naturalStop === undefined || position < naturalStop.minTokens) return false;
    return mix(this.#plan.key ^ 0x165667b1, position) / 4294967296 < naturalStop.probability;
  }

  #kindAt(position: number): PieceKind {
    if (!this.#plan.chat) return "content";
    const reasoning = this.#effects.reasoning?.tokens ?? 0;
    if (position < reasoning) {
      this.reasoningTokens = position + 1;
      return "reasoning";
    }
    if (this.#effects.toolCall === undefined) return "content";
    return position === reasoning ? "tool-name" : "tool-arguments";
  }

  #textAt(position: number, last: boolean): string {
    const kind = this.#kindAt(position);
    if (kind === "tool-name") return this.#effects.toolCall?.name ?? "";
    const scripted = this.#effects.script?.tokens[position];
    const { multiByte = 0, splitCharacters = 0 } = this.#effects;
    const text = scripted ?? tokenText(this.#plan.key, position, { multiByte, splitCharacters });
    if (kind !== "tool-arguments") return text;
    // The arguments are one JSON object, cut into tokens.
    const inside = JSON.stringify(text).slice(1, -1);
    const first = position === (this.#effects.reasoning?.tokens ?? 0) + 1;
    return `${first ? '{"query":"' : ""}${inside}${last ? '"}' : ""}`;
  }
}
