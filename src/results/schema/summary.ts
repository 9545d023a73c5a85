import { z } from "zod";
import { Metrics } from "./metrics.ts";
import { ServerLoad } from "./server-load.ts";
import { Verdict } from "./verdict.ts";

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
    cache: z
      .string()
      .optional()
      .describe(
        "What the server's prefix cache may hold: warm, cold or shared-prefix:SIZE. Absent: warm, or cold where inputTokens is given.",
      ),
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
  server: ServerLoad.optional().describe("Only where the server was looked at."),
});
export type MeasurementSummary = z.infer<typeof MeasurementSummary>;
