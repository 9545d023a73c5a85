import { z } from "zod";
import { BLOCK_DEFAULTS, CAPACITY_DEFAULTS, LOAD_DEFAULTS, PRECISION_DEFAULTS } from "./defaults.ts";
import {
  cache,
  choice,
  count,
  duration,
  flag,
  list,
  name,
  named,
  number,
  oneOrMany,
  optional,
  optionalSection,
  required,
  section,
  text,
  together,
} from "./fields.ts";

const positiveCount = count(1);

const CACHE_WORDS =
  "`warm` repeats prompts, `cold` sends none that begins like one before, `shared-prefix:512` gives all the same first 512 tokens, `shared-prefix:0.5` the same first half.";
const CACHE_DEFAULT = "`warm`; `cold` where `inputTokens` is given";

const FindCapacity = section({
  by: optional(choice(["rate", "concurrency"]), {
    description: "What is raised: requests a second (Poisson arrivals), or requests in flight.",
    default: CAPACITY_DEFAULTS.by,
  }),
  target: optional(number(0.5, 0.999), {
    description: "Share of requests that must meet every SLO.",
    default: CAPACITY_DEFAULTS.target,
  }),
  precision: optional(number(0.005, 1), {
    description: "It ends when the interval is as narrow: its width, as a share of the capacity.",
    default: CAPACITY_DEFAULTS.precision,
  }),
  maxRequests: optional(count(500), {
    description: "It ends after so many requests; it needs some thousand.",
    default: CAPACITY_DEFAULTS.maxRequests,
  }),
  maxTime: optional(duration(), {
    description: "It ends after this much measuring.",
    examples: ["1h"],
  }),
  upTo: optional(number(0.001, 100_000), {
    description: "Highest rate or concurrency that is tried.",
    default: CAPACITY_DEFAULTS.upTo,
  }),
  forLoad: optional(number(0.001, 1_000_000), {
    description: "Rate (or concurrency) of all users together: the report says how many servers it takes.",
    examples: [200],
  }),
});

const Block = section({
  name: required(name(), {
    description: "Names the points of this block.",
    examples: ["batching"],
  }),
  concurrency: optional(oneOrMany(positiveCount, "a whole number, 1 or more, or a list of them"), {
    description:
      "Requests in flight, each stream sending its next as soon as it has its answer (closed loop).",
    default: BLOCK_DEFAULTS.concurrency,
    examples: [[1, 4, 16]],
  }),
  rate: optional(oneOrMany(number(0.001, 100_000), "a number of requests a second, or a list of them"), {
    description: "Requests a second, whatever the server does (open loop). Instead of `concurrency`.",
    examples: [[2, 8]],
  }),
  findCapacity: optionalSection(FindCapacity, {
    description:
      "Looks for the load at which the share of requests that meet every SLO falls to a target. Instead of `concurrency` and `rate`.",
    examples: [{ target: 0.95 }],
  }),
  arrival: optional(choice(["poisson", "constant"]), {
    description: "How requests at a rate are spread in time.",
    default: BLOCK_DEFAULTS.arrival,
  }),
  maxConcurrency: optional(positiveCount, {
    description: "Most requests in flight at a rate; more are held back, and the verdict says so.",
    default: BLOCK_DEFAULTS.maxConcurrency,
  }),
  outputTokens: optional(oneOrMany(positiveCount, "a whole number, 1 or more, or a list of them"), {
    description: "Tokens to generate.",
    default: BLOCK_DEFAULTS.outputTokens,
    examples: [64, [32, 128]],
  }),
  inputTokens: optional(oneOrMany(positiveCount, "a whole number, 1 or more, or a list of them"), {
    description: "Length of the prompt, learned from the server's own count during warm-up.",
    defaultWords: "the prompt as it is",
    examples: [[512, 2048]],
  }),
  cache: optional(cache(), {
    description: `What the server's prefix cache may hold of the prompts; checked: ${CACHE_WORDS}`,
    defaultWords: "`load.cache`",
    examples: ["cold", "shared-prefix:512", "shared-prefix:0.5"],
  }),
  requests: optional(
    z.union(
      [
        positiveCount,
        section({
          perUser: required(positiveCount, { description: "Requests for each stream of the concurrency." }),
          atLeast: optional(positiveCount, { description: "At least this many in all." }),
        }),
      ],
      { error: () => "expected a whole number, 1 or more, or {atLeast: N, perUser: N}" },
    ),
    {
      description:
        "Requests of one measurement: a number, or the larger of `atLeast` and `perUser` × concurrency.",
      default: BLOCK_DEFAULTS.requests,
      examples: [100, { atLeast: 12, perUser: 6 }],
    },
  ),
  duration: optional(duration(), {
    description: "Sends for this long instead of a number of requests.",
    examples: ["60s"],
  }),
  precision: optional(number(0.001, 0.5), {
    description:
      "Goes on, from 30 requests up, until half the width of the 95 % intervals of mean TTFT and mean TPOT is this share of the mean. Instead of `requests` and `duration`.",
    examples: [0.02],
  }),
  maxRequests: optional(count(30), {
    description: "With `precision`: it ends after so many requests, precise or not.",
    default: PRECISION_DEFAULTS.maxRequests,
  }),
  maxTime: optional(duration(), {
    description: "With `precision`: and after this long.",
    default: PRECISION_DEFAULTS.maxTime,
  }),
  repetitions: optional(positiveCount, {
    description: "Measurements of each point of this block.",
    defaultWords: "`load.repetitions`",
    examples: [3],
  }),
});
export type BlockConfig = z.infer<typeof Block>;

const requestKeys = {
  api: optional(choice(["completions", "chat"]), {
    description:
      "Endpoint: `/v1/completions` sends the prompt as it is, so that every engine reads the same tokens; `/v1/chat/completions` puts it through the model's chat template.",
    default: LOAD_DEFAULTS.api,
  }),
  prompt: optional(text(), {
    description: "The prompt, the same for each request.",
    default: LOAD_DEFAULTS.prompt,
  }),
  dataset: optional(text(), {
    description:
      "JSON Lines file with prompts, chat messages or ShareGPT conversations. Instead of `prompt`.",
    examples: ["prompts.jsonl"],
  }),
  temperature: optional(number(0, 10), {
    description: "Sampling temperature; 0 takes the likeliest token.",
    default: LOAD_DEFAULTS.temperature,
  }),
  forceOutputLength: optional(flag(), {
    description: "Ask for exactly `outputTokens` tokens, where the engine can (TGI cannot).",
    default: LOAD_DEFAULTS.forceOutputLength,
  }),
  cache: optional(cache(), {
    description: `What the server's prefix cache may hold, where a block does not say: ${CACHE_WORDS}`,
    defaultWords: CACHE_DEFAULT,
    examples: ["cold"],
  }),
  timeout: optional(duration(), {
    description: "A request that takes longer has failed.",
    default: LOAD_DEFAULTS.timeout,
  }),
  serverMetrics: optional(
    z.union([duration(), choice(["off"])], { error: () => 'expected a duration such as "1s", or off' }),
    {
      description:
        "How often the server's own metrics (queue, running requests, cache, counters), and what its processes take of the machine, are read while it is measured.",
      default: LOAD_DEFAULTS.serverMetrics,
    },
  ),
  warmup: optional(count(0, 10_000), {
    description: "Requests before a cell is measured; they are not counted.",
    default: LOAD_DEFAULTS.warmup,
  }),
  repetitions: optional(count(1, 1_000), {
    description: "Measurements of each point.",
    default: LOAD_DEFAULTS.repetitions,
    examples: [3],
  }),
  body: optionalSection(named(z.string(), z.unknown(), "a mapping of request fields"), {
    description: "Fields added to the body of each request, as the engine knows them.",
    defaultWords: "none",
    examples: [{ top_p: 0.9 }],
  }),
  saveText: optional(flag(), {
    description: "Keep what was generated with the records. Files grow.",
    default: LOAD_DEFAULTS.saveText,
  }),
  blocks: optional(list(Block, "a list of blocks").min(1, { error: () => "expected at least one block" }), {
    description: "Groups of load settings. A point is measured for each combination of a block's values.",
    default: LOAD_DEFAULTS.blocks,
  }),
};
export const notBothPrompts = together("prompt", "dataset");

export const Load = section({
  ...requestKeys,
  seed: optional(count(0, 2_147_483_647), {
    description: "Seed of everything that is drawn by chance.",
    default: LOAD_DEFAULTS.seed,
  }),
});
export const LoadOverride = section(requestKeys);

export type LoadConfig = z.infer<typeof Load>;
