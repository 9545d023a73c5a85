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
    precision: z
      .number()
      .optional()
      .describe(
        "It went on until half the width of the means' intervals was this share of the mean; requests and durationSeconds are then the most of each.",
      ),
    trim: z
      .tuple([z.number(), z.number()])
      .optional()
      .describe(
        "Shares of the schedule at its start and end whose requests do not count (at the end at least one median E2E).",
      ),
  })
  .meta({ id: "LoadSetting", description: "Either a concurrency or a rate decides when requests start." });
export type StoredLoad = z.infer<typeof LoadSettingSchema>;

const Delays = z
  .strictObject({ count: z.number().int(), p50: z.number(), p99: z.number(), max: z.number() })
  .meta({ id: "Delays", description: "Milliseconds." });

const Replay = z
  .strictObject({
    seconds: z.number(),
    connections: z.number().int(),
    chunks: z.number().int(),
    floorMs: z.number().describe("Least delay from a chunk's write to its read: its 5th percentile."),
    jitterMs: z.number().describe("p99 − p50 of these delays."),
    chunkDelayMs: Delays,
    firstTextDelayMs: Delays.optional().describe("Of first texts alone."),
    sendDelayMs: Delays.describe("From `sent` to when the null server had read the request."),
    probeDelayMs: Delays.describe("Of the probe meanwhile; its excess in a measurement widens the bars."),
    cpuShare: z.number().describe("The client's CPU time over the replay's length."),
    capacityChunksPerSecond: z
      .number()
      .describe("Chunks over the client's CPU time: what one core would carry of such chunks."),
    unfinished: z.number().int().describe("Requests whose answer was not whole 5 s after the end."),
  })
  .meta({
    id: "Replay",
    description:
      "The load as it was recorded, played again by a null server that stamps what it writes: made after the first measurement of each concurrency or rate, and used for all of them.",
  });

export const Ending = z
  .strictObject({
    by: z
      .enum(["precision", "requests", "time", "failures", "interrupted"])
      .describe("What ended it: the precision asked for, a limit, failed requests, or a person."),
    asked: z.number(),
    reached: z
      .partialRecord(z.enum(["ttft", "tpot", "e2e"]), z.number().nullable())
      .describe(
        "Half the width of the mean's interval / the mean, of each latency that had to be as precise; null without an interval.",
      ),
  })
  .meta({
    id: "Ending",
    description: "Where a load that goes on until its means are precise ended, and why.",
  });
export type Ending = z.infer<typeof Ending>;

export const Instrument = z
  .strictObject({
    transport: z.string(),
    workers: z.number().int().optional().describe("Threads that sent and read. Absent: one."),
    eventLoopDelayMs: z.strictObject({ p50: z.number(), p99: z.number(), max: z.number() }),
    cpuSeconds: z.strictObject({ user: z.number(), system: z.number() }),
    wallSeconds: z.number(),
    scheduleLagMs: z
      .strictObject({ p50: z.number(), p99: z.number(), max: z.number() })
      .describe("Sent − scheduled, all requests, waits for the cap on concurrency included."),
    reads: z.number().int().describe("Reads that carried generated text."),
    coalescedReads: z.number().int().describe("Those among them that carried more than one chunk."),
    connections: z.strictObject({ opened: z.number().int(), reused: z.number().int() }),
    gc: z
      .strictObject({ count: z.number().int(), totalMs: z.number(), maxMs: z.number() })
      .optional()
      .describe("Garbage collections of the client."),
    runQueueSeconds: z
      .number()
      .optional()
      .describe("How long its main thread was ready to run and had no core (Linux)."),
    throttled: z
      .strictObject({ periods: z.number().int(), seconds: z.number() })
      .optional()
      .describe("Periods in which its control group's CPU limit held it back, and for how long (Linux)."),
    readDelayMs: Delays.optional().describe(
      "From a stamp's write to its read, of a probe that ran beside the load.",
    ),
    replay: Replay.optional(),
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
  ending: Ending.optional().describe("Only where the load asks for a precision."),
  instrument: Instrument.optional(),
  server: ServerLoad.optional().describe("Only where the server was looked at."),
});
export type MeasurementSummary = z.infer<typeof MeasurementSummary>;
