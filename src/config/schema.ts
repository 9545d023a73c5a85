import { z } from "zod";
import { Cluster } from "./cluster-schema.ts";
import { AB_DEFAULTS, PRICE_DEFAULTS } from "./defaults.ts";
import { Engine, launchKeys, Model, modelKeys, notBothModelSources } from "./engine-schema.ts";
import {
  choice,
  count,
  duration,
  flag,
  list,
  name,
  named,
  number,
  optional,
  optionalSection,
  required,
  section,
  stepName,
  text,
} from "./fields.ts";
import { Load, LoadOverride, notBothPrompts } from "./load-schema.ts";
import { Profiling, Schedule } from "./profiling-schema.ts";

/**
 * What a user writes: one YAML file that says everything. Only shapes are here and in engine-schema.ts and
 * load-schema.ts; what spans several keys is in check-config.ts, defaults are applied in resolve.ts. JSON Schema and
 * docs/configuration.md are made from this.
 */
const selector = {
  engine: optional(text("the name of a variant"), {
    description: "A variant, by its name.",
    defaultWords: "every variant",
  }),
  model: optional(text("the name of a model"), {
    description: "A model, by its key.",
    defaultWords: "every model",
  }),
  pool: optional(text("the name of a pool"), {
    description: "A pool of the cluster.",
    defaultWords: "every pool",
  }),
};

const Override = section({
  ...selector,
  ...launchKeys,
  ...modelKeys,
  load: optionalSection(LoadOverride, {
    description: "As the top-level `load`, without `seed`.",
    not: notBothPrompts,
  }),
});

const Cells = section({
  pools: optional(list(text("the name of a pool"), "a list of names of pools").min(1), {
    description: "Pools of the cluster that cells run in.",
    defaultWords: "all of them",
    examples: [["a10"]],
  }),
  exclude: optional(list(section(selector), "a list of {engine, model, pool}"), {
    description: "Combinations of variant, model and pool that are left out.",
    defaultWords: "none",
    examples: [[{ engine: "tgi", model: "gemma3-270m" }]],
  }),
  overrides: optional(list(Override, "a list of overrides"), {
    description:
      "What differs in the cells of a variant, a model, a pool, or several of these. Later ones win over earlier ones.",
    defaultWords: "none",
  }),
});

const Ab = section({
  pairs: optional(count(AB_DEFAULTS.pairs, 1_000), {
    description: "Pairs of blocks. More pairs see smaller differences.",
    default: AB_DEFAULTS.pairs,
    examples: [12],
  }),
  resident: optional(choice(["one", "both"]), {
    description:
      "`one`: each block starts its server and takes it down. `both`: the two servers stay up together, which must both fit.",
    default: AB_DEFAULTS.resident,
  }),
});

export const Config = section(
  {
    name: optional(name(), { description: "Name of the benchmark.", defaultWords: "the file's name" }),
    description: optional(text(), { description: "One sentence for the report." }),
    plugins: optional(list(text("the path of a file"), "a list of files"), {
      description: "Files that add engines and steps of your own, in TypeScript or JavaScript.",
      defaultWords: "none",
      examples: [["./my-plugin.ts"]],
    }),
    steps: optional(named(stepName(), z.unknown(), "a mapping of steps' names to what they take"), {
      description: "Steps of plugins that every cell has, by name, each with what it takes.",
      defaultWords: "none",
      examples: [{ answers: { questions: 20 } }],
    }),
    engines: required(named(name(), Engine.nullable(), "a mapping of variant names to engines"), {
      description: "What is compared: variants by name. Two variants may be one engine in two settings.",
    }),
    models: required(
      named(
        name(),
        Model.nullable().meta({ not: notBothModelSources }),
        "a mapping of model names to models",
      ),
      { description: "What they serve." },
    ),
    cells: optionalSection(Cells, {
      description: "A cell is one variant with one model, in one pool of the cluster if there is one.",
      defaultWords: "every variant with every model",
    }),
    load: optionalSection(Load, {
      description: "What is sent to each server.",
      not: notBothPrompts,
    }),
    cluster: optionalSection(Cluster, {
      description:
        "Where it runs, if not on this machine: a Kubernetes cluster with Argo Workflows. `llmbench build` then makes the workflow.",
      defaultWords: "this machine",
    }),
    profiling: optional(Profiling, {
      description:
        "Records what the GPU does, with Nsight Systems, on a deployment of its own after the measurement: `on`, or how.",
      default: "off",
    }),
    schedule: optionalSection(Schedule, {
      description: "Runs it by the clock, on the cluster.",
      defaultWords: "only when it is submitted",
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
    prices: optionalSection(
      section({
        perGpuHour: optional(number(0, 100_000), {
          description:
            "Price of an hour of one GPU, for the cost of tokens; of the whole machine, where a server has no GPU.",
          examples: [2.5],
        }),
        pools: optionalSection(
          named(text("the name of a pool"), number(0, 100_000), "a mapping of pools to prices"),
          {
            description: "Prices of pools that differ.",
            defaultWords: "`perGpuHour`",
            examples: [{ a10: 1.2, h100: 6 }],
          },
        ),
        currency: optional(text(), { description: "What prices are in.", default: PRICE_DEFAULTS.currency }),
      }),
      {
        description: "What the GPUs cost: the report gives the cost of a million tokens.",
        defaultWords: "none, and no cost",
      },
    ),
    failOn: optional(choice(["invalid", "suspect", "never"]), {
      description: "Worst verdict that makes the run exit with status 3: `suspect` includes invalid ones.",
      default: "invalid",
    }),
    ab: optionalSection(Ab, {
      description: "How `llmbench ab` compares the config's two variants; other commands do not look at it.",
      defaultWords: "six pairs, one server at a time",
    }),
    errorBars: optional(flag(), {
      description:
        "Replays each concurrency and rate once, for at most 5 s, to find out what the client itself adds to the latencies.",
      default: true,
    }),
    workers: optional(count(1), {
      description:
        "Threads that send and read each load, each with its share of it and connections of its own: more where one cannot carry the load and cores are free.",
      default: 1,
    }),
    strict: optional(flag(), {
      description:
        "Refuses to rank variants that did different work (precision, hardware, tokens in and out, how answers ended, cached tokens). Otherwise the report says what differs, and ranks.",
      default: false,
    }),
    baseline: optional(text("the name of a variant"), {
      description: "Variant that the others are shown relative to.",
      defaultWords: "none",
      examples: ["vllm"],
    }),
  },
  "a mapping with engines, models and load",
);
export type Config = z.infer<typeof Config>;
export type OverrideConfig = z.infer<typeof Override>;
