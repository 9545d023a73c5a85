import { z } from "zod";

const count = z.number().nonnegative();

/** One look at a server. Times are whole microseconds of the measurement's clock, as in requests.ndjson.gz. */
export const ServerSample = z.strictObject({
  sentUs: z.number().int().describe("When it was asked."),
  receivedUs: z.number().int().describe("When its answer was there: it was so at some time in between."),
  requestsRunning: count.optional(),
  requestsWaiting: count.optional(),
  cacheUsageShare: count.optional().describe("Of the KV cache, 0 to 1."),
  preemptionsTotal: count.optional(),
  promptTokensTotal: count.optional(),
  generationTokensTotal: count.optional(),
  prefixCacheQueriesTotal: count.optional(),
  prefixCacheHitsTotal: count.optional(),
  cpuSeconds: count
    .optional()
    .describe("CPU time of the server's processes, or its container, since they began."),
  memoryBytes: count
    .optional()
    .describe("Resident memory of its processes, or the working set of its container."),
});
export type ServerSample = z.infer<typeof ServerSample>;

/** points/<point>/<repetition>/server-metrics.json: what the server said of itself during one measurement. */
export const ServerSeries = z.strictObject({
  schemaVersion: z.literal(1),
  simulated: z.boolean(),
  clock: z
    .strictObject({ epochMs: z.number(), hrtimeNs: z.string() })
    .describe("The clock of the measurement's records."),
  path: z.string().describe("Of the page that was read."),
  everyMs: z.number().describe("Time between two samples; doubled where a long measurement had too many."),
  names: z
    .record(z.string(), z.array(z.string()))
    .describe("Our names, by the engine's: of several the first that its page had."),
  promptTokens: z
    .enum(["all", "computed"])
    .describe("`computed`: prompt tokens that came from the server's cache are not in its counter."),
  counterDigits: z
    .number()
    .int()
    .optional()
    .describe("Significant digits of the counters, where they are rounded."),
  samples: z.array(ServerSample).describe("The first before the first request, the last after the last."),
  missed: z
    .strictObject({ count: z.number().int(), why: z.string() })
    .optional()
    .describe("Looks that failed, and what the last of them failed of."),
  usageUnread: z.string().optional().describe("Why CPU time and memory were not looked at."),
});
export type ServerSeries = z.infer<typeof ServerSeries>;
