import { createRandom } from "./random.ts";
import type { LoadSetting } from "./record.ts";
import type { Prompt, PromptSource } from "./request-source.ts";

/** What a server's prefix cache may hold of the prompts of a load. */
export type CacheContract =
  | { readonly kind: "warm" }
  | { readonly kind: "cold" }
  /** The beginning that all prompts share: of so many tokens (1 and more), or that share of each. */
  | { readonly kind: "shared-prefix"; readonly size: number };

/** As a config has it: `warm`, `cold`, `shared-prefix:512` (tokens) or `shared-prefix:0.5` (a share). */
export const CACHE_PATTERN = /^(?:warm|cold|shared-prefix:(?:0\.\d*[1-9]\d*|[1-9]\d*))$/;

/** What a load asks for; prompts of a learned length are all different unless it says otherwise. */
export function cacheContract(
  load: {
    readonly [Key in "cache" | "inputTokens"]?: LoadSetting[Key] | undefined;
  },
): CacheContract {
  const text = load.cache ?? (load.inputTokens === undefined ? "warm" : "cold");
  if (text === "warm" || text === "cold") return { kind: text };
  return { kind: "shared-prefix", size: Number(text.slice("shared-prefix:".length)) };
}

/** The share of prompts of so many tokens that is their common beginning. */
export function sharedShare({ size }: Extract<CacheContract, { kind: "shared-prefix" }>, tokens: number) {
  return size < 1 ? size : size / tokens;
}

/** Short words: six of them begin a prompt in 10^10 ways. */
const nonceWords =
  `amber basin cedar delta ember fable garnet harbor island jungle kettle lemon marble needle ocean pepper quartz river
silver timber umbrella velvet walnut yellow zebra anchor bridge candle desert engine forest galaxy hammer insect jacket
kernel ladder mirror nectar orchid pillar rabbit saddle temple urban violin window yogurt arrow button copper dragon`.split(
    /\s+/,
  );

/**
 * The same prompts, each with words of its own before its first: no server has computed any beginning of it before. The
 * words are drawn by `seed` and the request's number.
 */
export function withNonces(prompts: PromptSource, seed: number): PromptSource {
  return (i) => {
    const random = createRandom(seed, `nonce ${i}`);
    const nonce = Array.from({ length: 6 }, () => nonceWords[random.below(nonceWords.length)]).join(" ");
    return prefixed(prompts(i), nonce);
  };
}

function prefixed(prompt: Prompt, nonce: string): Prompt {
  if (prompt.kind === "text") return { kind: "text", text: `${nonce}. ${prompt.text}` };
  const [first, ...rest] = prompt.messages;
  if (first === undefined) return prompt;
  return { kind: "messages", messages: [{ ...first, content: `${nonce}. ${first.content}` }, ...rest] };
}
