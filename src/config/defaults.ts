/**
 * What a config that says nothing about its load does: the protocol of the project this one grew from. Schema,
 * documentation and resolver all read it here.
 */
export const LOAD_DEFAULTS = {
  // The endpoint without a chat template: every engine is given the same tokens.
  api: "completions",
  prompt: "Explain quantum computing in detail",
  temperature: 0,
  seed: 1,
  forceOutputLength: true,
  timeout: "5m",
  serverMetrics: "1s",
  warmup: 3,
  repetitions: 1,
  saveText: false,
  blocks: [{ name: "seed-protocol" }] as { name: string }[],
} as const;

export const BLOCK_DEFAULTS = {
  concurrency: 1,
  outputTokens: [32, 64, 128, 256, 512],
  // Five at concurrency 1, and never fewer than the measuring window of a closed loop needs.
  requests: { atLeast: 5, perUser: 3 },
  arrival: "poisson",
  maxConcurrency: 512,
} as const;

/** Where a load that goes on until its means are precise ends at the latest. */
export const PRECISION_DEFAULTS = { maxRequests: 10_000, maxTime: "10m" } as const;

export const CAPACITY_DEFAULTS = {
  by: "rate",
  target: 0.95,
  precision: 0.1,
  maxRequests: 20_000,
  upTo: 10_000,
} as const;

export const PRICE_DEFAULTS = { currency: "USD" } as const;

export const CLUSTER_DEFAULTS = {
  namespace: "llmbench",
  gpuResource: "nvidia.com/gpu",
  servers: 1,
  serversPerNode: 1,
  capacity: "1Ti",
  // The user that Node's images have.
  uid: 1000,
  client: { cpu: "2", memory: "2Gi" },
  lookBeyondNamespace: false,
  readServerUsage: false,
  networkPolicy: false,
  artifacts: "off",
  deadline: "24h",
  keep: { succeeded: "72h", failed: "168h" },
} as const;

/** Two models at a time fill a line of 10 Gbit/s, and leave a share room for others. */
export const HUB_DEFAULTS = { revision: "main", atOnce: 2 } as const;

export const PROFILING_DEFAULTS = {
  imageFolder: "/nsys",
  trace: ["cuda", "nvtx", "osrt", "cublas", "cudnn"],
  concurrency: 4,
  outputTokens: 64,
  requests: 16,
  allowNoCuda: false,
};

/** Six pairs are the fewest that `ab` compares. */
export const AB_DEFAULTS = { pairs: 6, resident: "one" } as const;

export const SCHEDULE_DEFAULTS = { timeZone: "UTC", suspend: false, keepSucceeded: 7, keepFailed: 7 };
