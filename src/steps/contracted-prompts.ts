import type { PointPlan } from "../config/plan.ts";
import { type CacheContract, cacheContract, sharedShare, withNonces } from "../load/cache-contract.ts";
import { createRandom } from "../load/random.ts";
import type { PromptSource } from "../load/request-source.ts";
import type { CellSession } from "./cell-session.ts";
import { promptsOf } from "./request-plan.ts";

/** Prompts of one measurement, and what of them the server may find in its cache. */
export interface ContractedPrompts {
  readonly contract: CacheContract["kind"];
  readonly prompts: PromptSource;
  /** Prompt tokens of a request that come from the cache, at least and at most; undefined under `warm`, which takes what comes. */
  readonly expectedCachedTokens?: readonly [number, number];
}

/** What begins every text, and what two prompts have in common by chance: their first word, or two. */
const slackTokens = 4;
/** Most requests that bring a shared prefix into the cache; each place of a server may have a cache of its own. */
const mostPrimers = 64;

interface Measured {
  readonly session: CellSession;
  readonly url: string;
  readonly point: PointPlan;
  readonly seed: number;
  /** Tells this try from every other, also of other runs on the same server. */
  readonly occasion: string;
}

/**
 * Makes the prompts that a point's cache contract asks for; under `shared-prefix` the server has read the prefix when this
 * resolves. Rejects with INPUT_LENGTH_UNREACHABLE, INPUT_LENGTH_UNKNOWN.
 */
export async function contractedPrompts(measured: Measured): Promise<ContractedPrompts> {
  const { session, url, point, seed } = measured;
  const contract = cacheContract(point.load);
  const { inputTokens } = point.load;
  if (contract.kind === "warm") {
    if (inputTokens === undefined) return { contract: "warm", prompts: await promptsOf(session.cell, seed) };
    const first = (await session.lengths.get(url, inputTokens, seed)).prompts(0);
    return { contract: "warm", prompts: () => first };
  }
  // What was never sent before is new to this run, and to whatever a server that stands has seen of other runs.
  const own = createRandom(seed, measured.occasion).below(2 ** 31);
  const head = session.cell.request.api === "chat" ? await session.lengths.headTokens(url) : 0;
  if (contract.kind === "cold") {
    const prompts =
      inputTokens === undefined
        ? withNonces(await promptsOf(session.cell, seed), own)
        : (await session.lengths.get(url, inputTokens, own)).prompts;
    return { contract: "cold", prompts, expectedCachedTokens: [0, head + slackTokens] };
  }
  const tokens = inputTokens ?? 0;
  const share = sharedShare(contract, tokens);
  const learned = await session.lengths.get(url, tokens, own, share);
  await prime(session, url, learned.prompts, Math.min(point.load.concurrency ?? 8, mostPrimers));
  const prefix = (learned.tokens - head) * share;
  const { metrics } = await session.resolve();
  return {
    contract: "shared-prefix",
    prompts: learned.prompts,
    expectedCachedTokens: [prefix - (metrics?.cacheBlockTokens ?? 64), head + prefix + slackTokens],
  };
}

/**
 * Asks for a token after prompts that are not sent again: first one alone, for a cache that all places share, then as many
 * at once as there are places, so that each has to take one.
 */
async function prime(session: CellSession, url: string, prompts: PromptSource, n: number): Promise<void> {
  await session.ask(url, prompts(-3), 1);
  if (n > 1) await Promise.all(Array.from({ length: n }, (_, i) => session.ask(url, prompts(-4 - i), 1)));
}
