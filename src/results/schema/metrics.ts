import { z } from "zod";

/** What is computed from the requests of a measurement or a point. Every number names its unit. */

const interval = z.tuple([z.number(), z.number()]).meta({
  id: "Interval",
  description: "Lower and upper end of a two-sided interval, in the unit of what it bounds.",
});

export const ClientError = z.strictObject({ mean: z.number(), p50: z.number(), p99: z.number() }).meta({
  id: "ClientError",
  description:
    "Milliseconds by which the client itself may have moved each statistic, either way; also of those that the sample cannot carry.",
});
export type ClientError = z.infer<typeof ClientError>;

export const LatencySummary = z
  .strictObject({
    count: z.number().int().describe("Samples: requests, or gaps between reads for interChunkMs and itlMs."),
    effectiveCount: z
      .number()
      .describe(
        "Independent samples they count for: count, or fewer where those that follow each other in sending order depend on each other.",
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
    clientErrorMs: ClientError.optional().describe(
      "Only for TTFT, user TTFT and inter-chunk latency, where the load was replayed (`errorBars`).",
    ),
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
    good: z.number().int().optional().describe("Requests that meet every SLO."),
    judged: z.number().int().optional().describe("Requests that the share is of."),
    tokensPerSecond: z
      .number()
      .nullable()
      .optional()
      .describe(
        "Output tokens of those requests a second of the window; null without a window or a count of tokens. These three are absent in results of older versions.",
      ),
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
    chunkTotal: z
      .number()
      .int()
      .optional()
      .describe(
        "Generated-text chunks of all requests that ended well. Absent in results of older versions.",
      ),
    chunksPerRead: z
      .record(z.string(), z.number().int())
      .describe('Reads by the generated-text chunks that came in each: `{ "1": 950, "2": 3 }`.'),
    tokensPerChunkMean: z.number().nullable(),
  })
  .meta({ id: "Metrics" });
export type Metrics = z.infer<typeof Metrics>;
