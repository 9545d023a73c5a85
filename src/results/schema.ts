import { z } from "zod";
import { FailOn, Plan, SloPlan } from "../config/plan.ts";

/**
 * What a run leaves for programs: run.json, status.json, server.json, warmup.json, summary.json and results.json.
 * Every number names its unit. Fields are only ever added; `schemaVersion` changes when a meaning does.
 */

const interval = z.tuple([z.number(), z.number()]);

/** Milliseconds. What the sample cannot carry is null. */
export const LatencySummary = z.strictObject({
  count: z.number().int(),
  mean: z.number().nullable(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  p50: z.number().nullable(),
  p90: z.number().nullable(),
  p95: z.number().nullable(),
  p99: z.number().nullable(),
  /** Two-sided intervals at `level`, of each statistic that has one. */
  intervals: z.strictObject({
    mean: interval.optional(),
    p50: interval.optional(),
    p90: interval.optional(),
    p95: interval.optional(),
    p99: interval.optional(),
  }),
  level: z.number(),
  /** How the intervals were made, e.g. "order statistics (binomial); mean: t". */
  method: z.string(),
});
export type LatencySummary = z.infer<typeof LatencySummary>;

export const RateSummary = z.strictObject({ value: z.number(), interval: interval.nullable() });
export type RateSummary = z.infer<typeof RateSummary>;

export const Goodput = z.strictObject({
  /** Share of the window's requests that meet every SLO, 0 to 1; a failed request does not. */
  share: z.number(),
  perSecond: z.number(),
  /** Of the share (Wilson). */
  interval: interval.nullable(),
});
export type Goodput = z.infer<typeof Goodput>;

export const Metrics = z.strictObject({
  ttftMs: LatencySummary,
  tpotMs: LatencySummary,
  interChunkMs: LatencySummary,
  /** Only where one chunk is one token by the server's own count. */
  itlMs: LatencySummary.optional(),
  e2eMs: LatencySummary,
  /** From the scheduled time; the headline in open loop. */
  userTtftMs: LatencySummary.optional(),
  userE2eMs: LatencySummary.optional(),
  outputTokensPerSecond: RateSummary.nullable(),
  outputTokensPerSecondFullRun: RateSummary,
  requestsPerSecond: RateSummary.nullable(),
  goodput: Goodput.optional(),
  /** Of one request alone: output tokens / E2E, mean over requests. What a single user sees. */
  outputTokensPerSecondPerUser: z.number().nullable(),
  /** Window in seconds of the point's clock; null where too few requests to have one. */
  windowSeconds: z.number().nullable(),
  tokens: z.strictObject({
    promptMean: z.number().nullable(),
    outputMean: z.number().nullable(),
    outputTarget: z.number().int(),
    outputTotal: z.number().int(),
    cachedMean: z.number().nullable(),
  }),
  /** Finish reasons counted. */
  finish: z.record(z.string(), z.number().int()),
  /** Generated-text chunks in one read, counted: `{ "1": 950, "2": 3 }`. */
  chunksPerRead: z.record(z.string(), z.number().int()),
  tokensPerChunkMean: z.number().nullable(),
});
export type Metrics = z.infer<typeof Metrics>;

export const VerdictStatus = z.enum(["valid", "suspect", "invalid"]);
export type VerdictStatus = z.infer<typeof VerdictStatus>;

/** Codes are stable; docs/metrics.md explains each. */
export const ReasonCode = z.enum([
  "schedule-lag",
  "rate-not-held",
  "server-saturated",
  "failed-requests",
  "output-length",
  "cache-contract",
  "client-cpu",
  "instance-changed",
  "shared-node",
  "neighbour",
  "few-samples",
  "no-usage",
  "first-chunk-tokens-unknown",
  "interrupted",
  "several-instances",
  "simulated",
  "client-beside-server",
]);
export type ReasonCode = z.infer<typeof ReasonCode>;

export const Reason = z.strictObject({
  code: ReasonCode,
  status: z.enum(["note", "suspect", "invalid"]),
  /** A sentence with the figure that crossed the threshold. */
  text: z.string(),
  value: z.number().optional(),
  threshold: z.number().optional(),
  /** False where measuring again cannot cure it. */
  curable: z.boolean().optional(),
});
export type Reason = z.infer<typeof Reason>;

export const Verdict = z.strictObject({
  status: VerdictStatus,
  reasons: z.array(Reason),
  notes: z.array(Reason),
});
export type Verdict = z.infer<typeof Verdict>;

export const RequestCounts = z.strictObject({
  planned: z.number().int(),
  ok: z.number().int(),
  failed: z.number().int(),
  timedOut: z.number().int(),
  cancelled: z.number().int(),
});
export type RequestCounts = z.infer<typeof RequestCounts>;

export const LoadSettingSchema = z.strictObject({
  arrival: z.enum(["closed", "constant", "poisson"]),
  concurrency: z.number().int().optional(),
  ratePerSecond: z.number().optional(),
  maxConcurrency: z.number().int().optional(),
  inputTokens: z.number().int().optional(),
  outputTokens: z.number().int(),
  requests: z.number().int().optional(),
  durationSeconds: z.number().optional(),
});

/** What the client itself went through while it measured. */
export const Instrument = z.strictObject({
  transport: z.string(),
  eventLoopDelayMs: z.strictObject({ p50: z.number(), p99: z.number(), max: z.number() }),
  cpuSeconds: z.strictObject({ user: z.number(), system: z.number() }),
  wallSeconds: z.number(),
  /** Schedule lag (sent − scheduled), ms. */
  scheduleLagMs: z.strictObject({ p50: z.number(), p99: z.number(), max: z.number() }),
  /** Reads that carried generated text, and those among them that carried more than one chunk. */
  reads: z.number().int(),
  coalescedReads: z.number().int(),
  connections: z.strictObject({ opened: z.number().int(), reused: z.number().int() }),
});
export type Instrument = z.infer<typeof Instrument>;

/** points/<point>/<repetition>/summary.json: one measurement. */
export const MeasurementSummary = z.strictObject({
  schemaVersion: z.literal(1),
  simulated: z.boolean(),
  cell: z.string(),
  point: z.string(),
  repetition: z.number().int(),
  load: LoadSettingSchema,
  /** Deployment number in the cell, and the server instance that answered. */
  deployment: z.number().int(),
  instance: z.string(),
  specHash: z.string(),
  seed: z.number().int(),
  startedAt: z.string(),
  finishedAt: z.string(),
  requests: RequestCounts,
  metrics: Metrics,
  verdict: Verdict,
  instrument: Instrument.optional(),
});
export type MeasurementSummary = z.infer<typeof MeasurementSummary>;

/** Milliseconds from the start of deploy; null where the phase does not exist (a local process is not scheduled). */
export const Startup = z.strictObject({
  scheduledMs: z.number().nullable(),
  pulledMs: z.number().nullable(),
  startedMs: z.number().nullable(),
  portOpenMs: z.number().nullable(),
  readyMs: z.number().nullable(),
  firstCompletionMs: z.number().nullable(),
});
export type Startup = z.infer<typeof Startup>;

/** deployments/<n>/server.json: one deployment of a cell's server. Secrets are masked before it is written. */
export const ServerRecord = z.strictObject({
  schemaVersion: z.literal(1),
  simulated: z.boolean(),
  cell: z.string(),
  deployment: z.number().int(),
  /** Changes whenever the server process or pod does. */
  instance: z.string(),
  specHash: z.string(),
  url: z.string(),
  backend: z.enum(["process", "kubernetes", "standing"]),
  engine: z.string(),
  /** As the server itself or its package says; "unknown" where nothing says. */
  engineVersion: z.string(),
  dialect: z.string(),
  command: z.array(z.string()),
  cwd: z.string().optional(),
  env: z.record(z.string(), z.string()),
  pid: z.number().int().optional(),
  image: z.string().optional(),
  imageDigest: z.string().optional(),
  node: z.string().optional(),
  /** Commit of a git checkout that ran, and whether it had uncommitted changes. */
  checkout: z.strictObject({ commit: z.string(), dirty: z.boolean(), path: z.string() }).optional(),
  model: z.strictObject({
    id: z.string(),
    servedName: z.string(),
    path: z.string().optional(),
    hash: z.string().optional(),
    precision: z.string().optional(),
  }),
  startup: Startup,
  startedAt: z.string(),
  stoppedAt: z.string().optional(),
  /** What the server says of itself (/version, /info, /props), for the record. */
  reported: z.record(z.string(), z.unknown()).optional(),
});
export type ServerRecord = z.infer<typeof ServerRecord>;

/** deployments/<n>/warmup.json */
export const WarmupRecord = z.strictObject({
  schemaVersion: z.literal(1),
  simulated: z.boolean(),
  instance: z.string(),
  requests: z.number().int(),
  e2eMs: z.array(z.number()),
  ttftMs: z.array(z.number()),
  promptTokens: z.array(z.number()),
  outputTokens: z.array(z.number()),
  /** Prompts learned to have a token length: target -> tokens reached. */
  inputLengths: z.record(z.string(), z.strictObject({ tokens: z.number(), seedText: z.string() })).optional(),
});
export type WarmupRecord = z.infer<typeof WarmupRecord>;

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

export const StoredError = z.strictObject({
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  details: z.array(z.string()).optional(),
});
export type StoredError = z.infer<typeof StoredError>;

/** cells/<cell>/status.json */
export const CellStatus = z.strictObject({
  schemaVersion: z.literal(1),
  cell: z.string(),
  status: z.enum(["pending", "running", "done", "failed", "interrupted"]),
  step: StepName.optional(),
  error: StoredError.optional(),
  updatedAt: z.string(),
});
export type CellStatus = z.infer<typeof CellStatus>;

export const Hardware = z.strictObject({
  /** Short name that is compared and shown, e.g. "AMD EPYC 7763, 2 cores" or "NVIDIA A10 x1". */
  name: z.string(),
  cpu: z.strictObject({ model: z.string(), cores: z.number().int() }).optional(),
  memoryBytes: z.number().int().optional(),
  gpus: z.array(z.strictObject({ name: z.string(), memoryMiB: z.number().optional(), driver: z.string().optional() })),
});
export type Hardware = z.infer<typeof Hardware>;

/** run.json */
export const RunRecord = z.strictObject({
  schemaVersion: z.literal(1),
  id: z.string(),
  simulated: z.boolean(),
  plan: Plan,
  executor: z.enum(["local", "argo", "bench"]),
  startedAt: z.string(),
  user: z.string().optional(),
  host: z.string().optional(),
  os: z.string(),
  versions: z.strictObject({ llmbench: z.string(), node: z.string() }),
  hardware: Hardware,
});
export type RunRecord = z.infer<typeof RunRecord>;

export const MeasurementResult = z.strictObject({
  repetition: z.number().int(),
  deployment: z.number().int(),
  instance: z.string(),
  seed: z.number().int(),
  requests: RequestCounts,
  metrics: Metrics,
  verdict: Verdict,
  instrument: Instrument.optional(),
});
export type MeasurementResult = z.infer<typeof MeasurementResult>;

/** The E2E, TTFT and TPOT values behind the plots, binned so that results.json stays small. */
export const Histogram = z.strictObject({
  /** Bin edges, ms, one more than counts. */
  edgesMs: z.array(z.number()),
  counts: z.array(z.number().int()),
});
export type Histogram = z.infer<typeof Histogram>;

export const PointResult = z.strictObject({
  id: z.string(),
  block: z.string(),
  load: LoadSettingSchema,
  requests: RequestCounts,
  /** From all valid measurements of the point; null where there is none. */
  metrics: Metrics.nullable(),
  verdict: Verdict,
  measurements: z.array(MeasurementResult),
  distributions: z.strictObject({ ttft: Histogram, tpot: Histogram }).optional(),
});
export type PointResult = z.infer<typeof PointResult>;

export const CellResult = z.strictObject({
  id: z.string(),
  variant: z.string(),
  engine: z.string(),
  engineVersion: z.string(),
  model: z.strictObject({ id: z.string(), precision: z.string().optional() }),
  hardware: z.string(),
  simulated: z.boolean(),
  status: z.enum(["pending", "running", "done", "failed", "interrupted"]),
  error: StoredError.optional(),
  startup: Startup.nullable(),
  server: z.strictObject({ specHash: z.string(), deployments: z.array(ServerRecord) }),
  points: z.array(PointResult),
});
export type CellResult = z.infer<typeof CellResult>;

/** results.json: everything a program wants. `llmbench schema results` prints its JSON Schema. */
export const Results = z.strictObject({
  schemaVersion: z.literal(1),
  simulated: z.boolean(),
  run: z.strictObject({
    id: z.string(),
    name: z.string(),
    description: z.string().optional(),
    executor: z.string(),
    startedAt: z.string(),
    finishedAt: z.string().optional(),
    status: z.enum(["done", "failed", "interrupted", "incomplete"]),
    llmbenchVersion: z.string(),
    nodeVersion: z.string(),
    host: z.string().optional(),
    os: z.string(),
    hardware: Hardware,
    plan: Plan,
  }),
  slos: SloPlan.optional(),
  failOn: FailOn,
  cells: z.array(CellResult),
  /** Cells that did different work and may not be ranked without saying so. */
  differences: z.array(
    z.strictObject({
      kind: z.enum(["precision", "prompt-tokens", "output-tokens", "finish", "cached-tokens", "hardware"]),
      text: z.string(),
      cells: z.array(z.string()),
    }),
  ),
  /** What readers skipped, by name. */
  incomplete: z.array(z.string()),
});
export type Results = z.infer<typeof Results>;
