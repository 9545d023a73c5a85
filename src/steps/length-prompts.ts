import { LlmbenchError } from "../error.ts";
import { type LearnedPrompts, learnPromptLength } from "../load/input-length.ts";
import type { RequestRecord } from "../load/record.ts";
import type { Prompt } from "../load/request-source.ts";

/** Who can send one request and read its usage: a cell's session. */
export interface Asker {
  ask(url: string, prompt: Prompt, outputTokens: number): Promise<RequestRecord>;
}

/** Prompts of the token lengths that points ask for, learned from the server's own count and kept for the process. */
export class LengthPrompts {
  readonly #asker: Asker;
  #head: Promise<number> | undefined;
  readonly #learned = new Map<string, Promise<LearnedPrompts>>();

  constructor(asker: Asker) {
    this.#asker = asker;
  }

  /** `sharedShare`: of each prompt, from its beginning, that is the same for all. */
  get(url: string, tokens: number, seed: number, sharedShare = 0): Promise<LearnedPrompts> {
    const key = `${url} ${tokens} ${seed} ${sharedShare}`;
    const known = this.#learned.get(key);
    if (known !== undefined) return known;
    const learning = learnPromptLength({
      tokens,
      seed,
      sharedShare,
      probe: (text) => this.#countTokens(url, text),
    });
    this.#learned.set(key, learning);
    return learning;
  }

  /** Tokens that the server puts around a prompt of one word: its chat template, and what begins each text. */
  headTokens(url: string): Promise<number> {
    this.#head ??= this.#countTokens(url, "time").then((tokens) => tokens - 1);
    return this.#head;
  }

  async #countTokens(url: string, text: string): Promise<number> {
    const record = await this.#asker.ask(url, { kind: "text", text }, 1);
    if (record.tokens.prompt !== undefined) return record.tokens.prompt;
    throw new LlmbenchError(
      "INPUT_LENGTH_UNKNOWN",
      `the server does not say how many tokens a prompt has: ${record.error?.message ?? "its answer carries no usage"}`,
      { hint: "leave out the input length, or give prompts of known length with a data set" },
    );
  }
}
