import { z } from "zod";
import { FailOn, Plan, SloPlan } from "../config/plan.ts";

/**
 * What a run leaves for programs: run.json, status.json, server.json, warmup.json, summary.json and results.json.
 * Every number names its unit. Fields are only ever added; `schemaVersion` changes when a meaning does.
 */

const interval = z.tuple([z.number(), z.number()]).meta({
  id: "Interval",
  description: "Lower and upper end of a two-sided interval, in the unit of what it bounds.",
});

export const LatencySummary = z
  .strictObject({
    count: z.number().int().describe("Samples: requests, or gaps between reads for interChunkMs and itlMs."),
    effectiveCount: z
      .number()
      .describe(
        "Independent samples they count for: count, or count × (1 − ρ) / (1 + ρ) where the lag-1 autocorrelation ρ in sending order is over 0.1.",
      ),
    mean: z.number().nullable(),
    min: z.number().nullable(),
    max: z.number().nullable(),
    p50: z.number().nullable().describe("Null with fewer than 11 independent samples."),
    p90: z.number().nullable().describe("Null with fewer than 64 independent samples."),
    p95: z.number().nullable().describe("Null with fewer than 130 independent samples."),
    p99: z.number().nullable().describe("Null with fewer than 662 independent samples."),
    intervals: z
      .strictObject({
        mean: interval.optional(),
        p50: interval.optional(),
        p90: interval.optional(),
        p95: interval.optional(),
        p99: interval.optional(),
      })
      .describe("Two-sided intervals at `level`, of each statistic that has one."),
    level: z.number().describe("Confidence level of the intervals, 0 to 1."),
    method: z.string().describe("How the percentiles and intervals were made."),
  })
  .meta({
    id: "LatencySummary",
    description: "A latency in milliseconds. What the sample cannot carry is null.",
  });
export type LatencySummary = z.infer<typeof LatencySummary>;

export const RateSummary = z.strictObject({ value: z.number(), interval: interval.nullable() }).meta({
  id: "RateSummary",
  description: "A rate a second, with its interval where at least 30 requests carry one.",
});
export type RateSummary = z.infer<typeof RateSummary>;

export const Goodput = z
  .strictObject({
    share: z
      .number()
      .describe("Share, 0 to 1, of the window's requests that meet every SLO; a failed request does not."),
    perSecond: z
      .number()
      .nullable()
      .describe(
        "Those requests a second of the window, of the ones sent (open loop: scheduled) before its end; null without a window.",
      ),
    interval: interval.nullable().describe("Of the share (Wilson)."),
  })
  .meta({
    id: "Goodput",
    description:
      "TTFT and E2E are judged from the scheduled time where requests arrive at a rate, else from the send.",
  });
export type Goodput = z.infer<typeof Goodput>;

export const Metrics = z
  .strictObject({
    ttftMs: LatencySummary.describe("First generated text − sent."),
    tpotMs: LatencySummary.describe(
      "(Last generated text − first generated text) / (output tokens − tokens in the first chunk); requests with nothing left have none.",
    ),
    interChunkMs: LatencySummary.describe(
      "Gaps between reads that carried generated text, pooled over requests.",
    ),
    itlMs: LatencySummary.optional().describe(
      "The same gaps, only where one chunk is one token by the server's own count.",
    ),
    e2eMs: LatencySummary.describe("Last generated text − sent."),
    userTtftMs: LatencySummary.optional().describe(
      "First generated text − scheduled: the headline where requests arrive at a rate; absent in a closed loop.",
    ),
    userE2eMs: LatencySummary.optional().describe(
      "Last generated text − scheduled: the headline where requests arrive at a rate; absent in a closed loop.",
    ),
    outputTokensPerSecond: RateSummary.nullable().describe(
      "Output tokens that arrive in the window / its length. Null without a window, or where the server counts no tokens.",
    ),
    outputTokensPerSecondFullRun: RateSummary.nullable().describe(
      "All output tokens / (last end − first sent), ramp and tail included, so without an interval. Null where the server counts no tokens.",
    ),
    requestsPerSecond: RateSummary.nullable().describe(
      "Requests whose answer ended in the window / its length.",
    ),
    goodput: Goodput.optional().describe("Only where the plan has SLOs."),
    outputTokensPerSecondPerUser: z
      .number()
      .nullable()
      .describe("Of one request alone: output tokens / E2E, mean over requests. What a single user sees."),
    windowSeconds: z
      .number()
      .nullable()
      .describe(
        "Length of the window, the sum over a point's measurements; null where too few requests to have one: latencies are then of all requests.",
      ),
    tokens: z
      .strictObject({
        promptMean: z.number().nullable(),
        outputMean: z.number().nullable(),
        outputTarget: z.number().int().describe("Output length asked for."),
        outputTotal: z.number().int(),
        cachedMean: z
          .number()
          .nullable()
          .describe("Prompt tokens that came from the server's cache; null where it does not say."),
      })
      .describe("By the server's usage, of all requests that ended well."),
    finish: z
      .record(z.string(), z.number().int())
      .describe("Finish reasons of all requests that ended well, counted."),
    chunksPerRead: z
      .record(z.string(), z.number().int())
      .describe('Reads by the generated-text chunks that came in each: `{ "1": 950, "2": 3 }`.'),
    tokensPerChunkMean: z.number().nullable(),
  })
  .meta({ id: "Metrics" });
export type Metrics = z.infer<typeof Metrics>;

export const VerdictStatus = z.enum(["valid", "suspect", "invalid"]).meta({
  id: "VerdictStatus",
  description: "suspect: read the reasons before using the numbers; invalid: do not use them.",
});
export type VerdictStatus = z.infer<typeof VerdictStatus>;

export const ReasonCode = z
  .enum([
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
  ])
  .meta({ id: "ReasonCode", description: "Stable; docs/metrics.md explains each." });
export type ReasonCode = z.infer<typeof ReasonCode>;

export const Reason = z
  .strictObject({
    code: ReasonCode,
    status: z.enum(["note", "suspect", "invalid"]),
    text: z.string().describe("A sentence with the figure that crossed the threshold."),
    value: z.number().optional().describe("That figure; shares are 0 to 1."),
    threshold: z.number().optional(),
    curable: z.boolean().optional().describe("False where measuring again cannot cure it."),
  })
  .meta({ id: "Reason" });
export type Reason = z.infer<typeof Reason>;

export const Verdict = z
  .strictObject({
    status: VerdictStatus,
    reasons: z.array(Reason),
    notes: z.array(Reason).describe("What a reader should know that changes no status."),
  })
  .meta({ id: "Verdict", description: "The status is the worst of the reasons." });
export type Verdict = z.infer<typeof Verdict>;

export const RequestCounts = z
  .strictObject({
    planned: z.number().int(),
    ok: z.number().int(),
    failed: z.number().int().describe("With an error other than a time-out or a cancellation."),
    timedOut: z.number().int(),
    cancelled: z.number().int().describe("Ended by llmbench itself, because the run was stopped."),
  })
  .meta({ id: "RequestCounts" });
export type RequestCounts = z.infer<typeof RequestCounts>;

export const LoadSettingSchema = z
  .strictObject({
    arrival: z.enum(["closed", "constant", "poisson"]),
    concurrency: z.number().int().optional().describe("Closed loop: requests in flight."),
    ratePerSecond: z.number().optional().describe("Open loop: offered requests a second."),
    maxConcurrency: z.number().int().optional().describe("Open loop: cap on requests in flight."),
    inputTokens: z.number().int().optional(),
    outputTokens: z.number().int(),
    requests: z.number().int().optional(),
    durationSeconds: z.number().optional(),
  })
  .meta({ id: "LoadSetting", description: "Either a concurrency or a rate decides when requests start." });
export type StoredLoad = z.infer<typeof LoadSettingSchema>;

export const Instrument = z
  .strictObject({
    transport: z.string(),
    eventLoopDelayMs: z.strictObject({ p50: z.number(), p99: z.number(), max: z.number() }),
    cpuSeconds: z.strictObject({ user: z.number(), system: z.number() }),
    wallSeconds: z.number(),
    scheduleLagMs: z
      .strictObject({ p50: z.number(), p99: z.number(), max: z.number() })
      .describe("Sent − scheduled, all requests, waits for the cap on concurrency included."),
    reads: z.number().int().describe("Reads that carried generated text."),
    coalescedReads: z.number().int().describe("Those among them that carried more than one chunk."),
    connections: z.strictObject({ opened: z.number().int(), reused: z.number().int() }),
  })
  .meta({ id: "Instrument", description: "What the client itself went through while it measured." });
export type Instrument = z.infer<typeof Instrument>;

/** points/<point>/<repetition>/summary.json: one measurement. */
export const MeasurementSummary = z.strictObject({
  schemaVersion: z.literal(1),
  simulated: z.boolean(),
  cell: z.string(),
  point: z.string(),
  repetition: z.number().int(),
  load: LoadSettingSchema,
  deployment: z.number().int().describe("Number of the deployment in its cell."),
  instance: z.string().describe("The server instance that answered."),
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

export const Startup = z
  .strictObject({
    scheduledMs: z.number().nullable(),
    pulledMs: z.number().nullable(),
    startedMs: z.number().nullable(),
    portOpenMs: z.number().nullable(),
    readyMs: z.number().nullable(),
    firstCompletionMs: z.number().nullable(),
  })
  .meta({
    id: "Startup",
    description:
      "Milliseconds from the start of deploy; null where the phase does not exist (a local process is not scheduled).",
  });
export type Startup = z.infer<typeof Startup>;

/** deployments/<n>/server.json: one deployment of a cell's server. Secrets are masked before it is written. */
export const ServerRecord = z
  .strictObject({
    schemaVersion: z.literal(1),
    simulated: z.boolean(),
    cell: z.string(),
    deployment: z.number().int(),
    instance: z.string().describe("Changes whenever the server process or pod does."),
    specHash: z.string(),
    url: z.string(),
    backend: z.enum(["process", "kubernetes", "standing"]),
    engine: z.string(),
    engineVersion: z
      .string()
      .describe('As the server itself or its package says; "unknown" where nothing says.'),
    dialect: z.string(),
    command: z.array(z.string()),
    cwd: z.string().optional(),
    env: z.record(z.string(), z.string()),
    pid: z.number().int().optional(),
    image: z.string().optional(),
    imageDigest: z.string().optional(),
    node: z.string().optional(),
    checkout: z
      .strictObject({ commit: z.string(), dirty: z.boolean(), path: z.string() })
      .optional()
      .describe("Commit of a git checkout that ran, and whether it had uncommitted changes."),
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
    reported: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("What the server says of itself (/version, /info, /props), for the record."),
  })
  .meta({ id: "ServerRecord" });
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
  inputLengths: z
    .record(z.string(), z.strictObject({ tokens: z.number(), probes: z.number().int() }))
    .optional()
    .describe("Prompts learned to have a token length, by the length asked for."),
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

export const StoredError = z
  .strictObject({
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    details: z.array(z.string()).optional(),
  })
  .meta({ id: "StoredError" });
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

export const Hardware = z
  .strictObject({
    name: z
      .string()
      .describe('Short name that is compared and shown, e.g. "AMD EPYC 7763, 2 cores" or "NVIDIA A10 x1".'),
    cpu: z.strictObject({ model: z.string(), cores: z.number().int() }).optional(),
    memoryBytes: z.number().int().optional(),
    gpus: z.array(
      z.strictObject({ name: z.string(), memoryMiB: z.number().optional(), driver: z.string().optional() }),
    ),
  })
  .meta({ id: "Hardware" });
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

export const MeasurementResult = z
  .strictObject({
    repetition: z.number().int(),
    deployment: z.number().int(),
    instance: z.string(),
    seed: z.number().int(),
    requests: RequestCounts,
    metrics: Metrics,
    verdict: Verdict,
    instrument: Instrument.optional(),
  })
  .meta({ id: "MeasurementResult", description: "One repetition of a point on one deployment." });
export type MeasurementResult = z.infer<typeof MeasurementResult>;

export const Histogram = z
  .strictObject({
    edgesMs: z
      .array(z.number())
      .describe("Bin edges, one more than counts; the last bin holds its upper edge."),
    counts: z.array(z.number().int()),
  })
  .meta({ id: "Histogram", description: "Values behind a plot, binned so that results.json stays small." });
export type Histogram = z.infer<typeof Histogram>;

export const PointResult = z
  .strictObject({
    id: z.string(),
    block: z.string().describe("The block of the config it comes from."),
    load: LoadSettingSchema,
    requests: RequestCounts.describe(
      "Sum over the measurements that count; over all of them where none does.",
    ),
    metrics: Metrics.nullable().describe(
      "From all measurements of the point that are not invalid; null where all are.",
    ),
    verdict: Verdict,
    measurements: z.array(MeasurementResult),
    distributions: z.strictObject({ ttft: Histogram, tpot: Histogram }).optional(),
  })
  .meta({ id: "PointResult" });
export type PointResult = z.infer<typeof PointResult>;

export const CellResult = z
  .strictObject({
    id: z.string(),
    variant: z.string(),
    engine: z.string(),
    engineVersion: z.string().describe("Of the last deployment."),
    model: z.strictObject({ id: z.string(), precision: z.string().optional() }),
    hardware: z.string(),
    simulated: z.boolean(),
    status: z.enum(["pending", "running", "done", "failed", "interrupted"]),
    error: StoredError.optional(),
    startup: Startup.nullable().describe("Of the last deployment."),
    server: z.strictObject({ specHash: z.string(), deployments: z.array(ServerRecord) }),
    points: z
      .array(PointResult)
      .describe("Points with at least one measurement; what is missing is in `incomplete`."),
  })
  .meta({ id: "CellResult", description: "One variant × one model × one piece of hardware." });
export type CellResult = z.infer<typeof CellResult>;

export const Difference = z
  .strictObject({
    kind: z.enum(["precision", "prompt-tokens", "output-tokens", "finish", "cached-tokens", "hardware"]),
    text: z.string().describe("A sentence with the figures."),
    cells: z.array(z.string()),
  })
  .meta({ id: "Difference" });
export type Difference = z.infer<typeof Difference>;

/** results.json: everything a program wants. `llmbench schema results` prints its JSON Schema. */
export const Results = z.strictObject({
  schemaVersion: z.literal(1),
  simulated: z
    .boolean()
    .describe("True: the numbers come from a simulator and say nothing about any engine."),
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
    plan: Plan.describe("The config as resolved: everything that was asked."),
  }),
  slos: SloPlan.optional(),
  failOn: FailOn.describe("The verdict that makes a measurement unfinished and the run fail."),
  cells: z.array(CellResult),
  differences: z
    .array(Difference)
    .describe("Cells of one model that did different work and may not be ranked without saying so."),
  incomplete: z.array(z.string()).describe("What is missing or was skipped, by name and with the reason."),
});
export type Results = z.infer<typeof Results>;
