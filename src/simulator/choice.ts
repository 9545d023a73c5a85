import { Answer, type AnswerEnd, type Piece } from "./answer.ts";
import type { Sequence } from "./batch.ts";
import type { ChoiceView, Tally, WholeChoice } from "./dialects/dialect.ts";

/** One choice of an answer while it is made: its tokens, its numbers, and what of it went out. */
export class Choice implements Sequence {
  readonly index: number;
  readonly answer: Answer;
  readonly tally: Tally;
  cancelled = false;
  ended = false;
  /** Tokens made since the last event with text. */
  untold = 0;
  content: string[] = [];
  reasoning: string[] = [];
  #begun = false;
  #offset = 0;
  #toolName = "";
  #toolArguments: string[] = [];
  #tokenTexts: string[] = [];
  readonly #onStart: (choice: Choice) => void;
  readonly #onToken: (choice: Choice, dueUs: number) => boolean;

  constructor(
    index: number,
    answer: Answer,
    tally: Tally,
    onStart: (choice: Choice) => void,
    onToken: (choice: Choice, dueUs: number) => boolean,
  ) {
    this.index = index;
    this.answer = answer;
    this.tally = tally;
    this.#onStart = onStart;
    this.#onToken = onToken;
  }

  get prefillTokens(): number {
    return this.tally.promptTokens - this.tally.cachedTokens;
  }

  /** Something of it went out. */
  get begun(): boolean {
    return this.#begun;
  }

  get tool(): string {
    return this.#toolName + this.#toolArguments.join("");
  }

  started(us: number): void {
    this.tally.startedUs = us;
    this.#onStart(this);
  }

  token(dueUs: number): boolean {
    return this.#onToken(this, dueUs);
  }

  /** As the next event's form needs it; it counts as begun from now on. */
  view(end: AnswerEnd | undefined, allEnded: boolean, omitFinish: boolean): ChoiceView {
    const view = {
      index: this.index,
      tally: this.tally,
      offset: this.#offset,
      first: !this.#begun,
      allEnded,
      omitFinish,
      ...(end === undefined ? {} : { end }),
    };
    this.#begun = true;
    return view;
  }

  /** Remembers text that went, or will go, out. */
  keep(piece: Piece): void {
    this.#offset += piece.text.length;
    if (piece.kind === "content") this.content.push(piece.text);
    else if (piece.kind === "reasoning") this.reasoning.push(piece.text);
    else if (piece.kind === "tool-name") this.#toolName += piece.text;
    else this.#toolArguments.push(piece.text);
    this.#tokenTexts.push(...piece.tokenTexts);
  }

  whole(): WholeChoice {
    return {
      index: this.index,
      text: this.content.join(""),
      reasoning: this.reasoning.join(""),
      end: this.answer.end ?? { reason: "length" },
      tokenTexts: this.#tokenTexts,
      tally: this.tally,
      ...(this.#toolName === ""
        ? {}
        : { tool: { name: this.#toolName, arguments: this.#toolArguments.join("") } }),
    };
  }
}
