import { z } from "zod";
import { FailOn, Plan, SloPlan } from "../../config/plan.ts";
import { AbResult } from "./ab.ts";
import { CapacityResult, Cost } from "./capacity.ts";
import { Metrics } from "./metrics.ts";
import { ProfileSummary } from "./profile.ts";
import { Hardware } from "./run.ts";
import { ServerRecord, Startup } from "./server.ts";
import { ServerLoad } from "./server-load.ts";
import { StoredError } from "./status.ts";
import { StepSummary } from "./step.ts";
import { Ending, Instrument, LoadSettingSchema, RequestCounts } from "./summary.ts";
import { Verdict } from "./verdict.ts";

/**
 * The files of a run folder are described one a file here: run.json, status.json, server.json, warmup.json,
 * summary.json and, made of all of them, results.json. Every number names its unit. Fields are only ever added;
 * `schemaVersion` changes when a meaning does.
 */

export const MeasurementResult = z
  .strictObject({
    repetition: z.number().int(),
    deployment: z.number().int(),
    instance: z.string(),
    seed: z.number().int(),
    requests: RequestCounts,
    metrics: Metrics,
    verdict: Verdict,
    ending: Ending.optional().describe("Only where the load asks for a precision."),
    instrument: Instrument.optional(),
    server: ServerLoad.optional().describe("Only where the server was looked at."),
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
    cost: Cost.optional(),
    distributions: z
      .strictObject({ ttft: Histogram, tpot: Histogram })
      .optional()
      .describe("TTFT from the scheduled time where requests arrive at a rate."),
  })
  .meta({ id: "PointResult" });
export type PointResult = z.infer<typeof PointResult>;

export const CellResult = z
  .strictObject({
    id: z.string(),
    variant: z.string(),
    engine: z.string(),
    engineVersion: z.string().describe("Of the last deployment that was measured."),
    model: z.strictObject({ id: z.string(), precision: z.string().optional() }),
    hardware: z.string(),
    simulated: z.boolean(),
    status: z.enum(["pending", "running", "done", "failed", "interrupted"]),
    error: StoredError.optional(),
    startup: Startup.nullable().describe("Of the last deployment that was measured."),
    server: z.strictObject({ specHash: z.string(), deployments: z.array(ServerRecord) }),
    points: z
      .array(PointResult)
      .describe("Points with at least one measurement; what is missing is in `incomplete`."),
    capacity: z
      .array(CapacityResult)
      .optional()
      .describe("Searches for the capacity; only where the plan has any."),
    steps: z
      .array(StepSummary)
      .optional()
      .describe("Steps of plugins that are done, in the plan's order; only where the plan has any."),
    profile: ProfileSummary.optional().describe("Only where the plan asks for profiling."),
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
  ab: AbResult.optional().describe("Only of `llmbench ab`."),
  incomplete: z.array(z.string()).describe("What is missing or was skipped, by name and with the reason."),
});
export type Results = z.infer<typeof Results>;
