import { LlmbenchError } from "../error.ts";
import { createRandom, shuffle } from "./random.ts";
import type { PromptSource } from "./request-source.ts";

export interface PromptLengthOptions {
  /** Wanted length of the whole prompt as the server counts it (`usage.prompt_tokens`), its chat template included. */
  readonly tokens: number;
  /** Asks the server with this text and gives back `usage.prompt_tokens`. */
  readonly probe: (text: string) => Promise<number>;
  readonly seed: number;
  /** Share of each prompt, from its beginning, that is the same for all. Default 0. */
  readonly sharedShare?: number;
  /** Share of `tokens` that the length may be off. Default 0.02. */
  readonly tolerance?: number;
  /** Most requests to spend. Default 12. */
  readonly maxProbes?: number;
}

export interface LearnedPrompts {
  /** Tokens of these prompts as the server counted them last. */
  readonly tokens: number;
  /** Requests it took. */
  readonly probes: number;
  /** As many different prompts of that length as are asked for. None was sent while learning. */
  readonly prompts: PromptSource;
}

/** Common short words: one token each in nearly every vocabulary, and where they are not, always the same number. */
const words =
  `time year people way day man thing woman life child world school state family student group country problem hand part
place case week company system program question work government number night point home water room mother area money
story fact month lot right study book eye job word business issue side kind head house service friend father power hour
game line end member law car city community name president team minute idea body information back parent face others
level office door health person art war history party result change morning reason research girl guy moment air teacher
force education`.split(/\s+/);

/**
 * Finds by asking how many words make a prompt of the wanted length: no tokenizer is needed, and the server's chat
 * template counts as the server counts it. Every prompt is the same words in another order, so that tokenizers which
 * split at blanks count the same for all. Rejects with INPUT_LENGTH_UNREACHABLE.
 */
export async function learnPromptLength(options: PromptLengthOptions): Promise<LearnedPrompts> {
  const target = options.tokens;
  const slack = target * (options.tolerance ?? 0.02);
  const maxProbes = options.maxProbes ?? 12;
  const counted = new Map<number, number>();
  const shared = options.sharedShare ?? 0;
  const textOfLength = (wordCount: number, i: number) =>
    textOf(wordCount, Math.round(wordCount * shared), options.seed, i);

  let probes = 0;
  let wordCount = Math.max(1, Math.round(target * 0.75));
  while (probes < maxProbes) {
    const found = wordCount;
    const tokens = await options.probe(textOfLength(found, -1));
    probes++;
    counted.set(found, tokens);
    if (Math.abs(tokens - target) <= slack && probes < maxProbes) {
      // Another order of the words must come out alike, else the length is not known.
      const again = await options.probe(textOfLength(found, -2));
      probes++;
      if (Math.abs(again - target) <= slack) {
        return { tokens: again, probes, prompts: (i) => ({ kind: "text", text: textOfLength(found, i) }) };
      }
    }
    const next = nextGuess(counted, target);
    if (next === undefined) break;
    wordCount = next;
  }
  throw unreachable(target, counted, probes);
}

/** Words to try next, by the line through the two counts nearest to the target; undefined when all have been tried. */
function nextGuess(counted: ReadonlyMap<number, number>, target: number): number | undefined {
  const known = [...counted].map(([wordCount, tokens]) => ({ wordCount, tokens }));
  known.sort((a, b) => Math.abs(a.tokens - target) - Math.abs(b.tokens - target));
  const [nearest, second] = known;
  if (nearest === undefined) return undefined;
  // With one count, what a word costs is a guess: the template's share is not known yet.
  const slope =
    second === undefined || second.wordCount === nearest.wordCount
      ? nearest.tokens / nearest.wordCount
      : (nearest.tokens - second.tokens) / (nearest.wordCount - second.wordCount);
  const step = slope > 0 ? (target - nearest.tokens) / slope : Math.sign(target - nearest.tokens);
  const guess = Math.max(1, Math.round(nearest.wordCount + step));
  if (!counted.has(guess)) return guess;
  const neighbour = Math.max(1, nearest.wordCount + Math.sign(target - nearest.tokens));
  return counted.has(neighbour) ? undefined : neighbour;
}

/** The same `wordCount` words for every `i`, the first `shared` in one order, the rest in an order of its own. */
function textOf(wordCount: number, shared: number, seed: number, i: number): string {
  const choice = createRandom(seed, "input words");
  const chosen = Array.from({ length: wordCount }, () => words[choice.below(words.length)] ?? "");
  const own = shuffle(chosen.slice(shared), createRandom(seed, `input order ${i}`));
  return [...chosen.slice(0, shared), ...own].join(" ");
}

function unreachable(target: number, counted: ReadonlyMap<number, number>, probes: number): LlmbenchError {
  const lengths = [...counted.values()].sort((a, b) => Math.abs(a - target) - Math.abs(b - target));
  const nearest = lengths[0] ?? 0;
  const fewest = Math.min(...lengths);
  return new LlmbenchError(
    "INPUT_LENGTH_UNREACHABLE",
    `no prompt of ${target} tokens was found: the nearest has ${nearest}, after ${probes} requests`,
    {
      hint:
        fewest > target
          ? `this model's chat template alone takes much of it: ask for ${fewest} tokens or more, or use --api completions`
          : "ask for another length, or for prompts from a data set",
    },
  );
}
