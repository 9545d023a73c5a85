import { z } from "zod";

const Level = z
  .strictObject({ mean: z.number(), max: z.number() })
  .meta({ id: "ServerLevel", description: "Of the samples from the first request sent to the last end." });

const Tokens = z
  .strictObject({
    counted: z.number().describe("By the server's own counters, over the measurement."),
    usage: z.number().describe("The sum of the usage of its answers."),
    rounding: z
      .number()
      .optional()
      .describe("What its counters may be off by, where it prints them rounded."),
  })
  .meta({ id: "CountedTokens" });

/** What the server said of itself during a measurement; everything that it did not say is absent. */
export const ServerLoad = z
  .strictObject({
    samples: z.number().int(),
    everyMs: z.number(),
    requestsRunning: Level.optional(),
    requestsWaiting: Level.optional(),
    cacheUsageShare: Level.optional().describe("Of the KV cache, 0 to 1."),
    preemptions: z.number().optional(),
    cpuCores: Level.optional().describe(
      "CPU time of the server's processes, or its container, over wall time.",
    ),
    memoryBytes: Level.optional().describe(
      "Resident memory of the server's processes, or the working set of its container.",
    ),
    usageUnread: z.string().optional().describe("Why CPU time and memory were not looked at."),
    promptTokens: Tokens.optional(),
    outputTokens: Tokens.optional(),
    notCompared: z.string().optional().describe("Why the two counts of tokens are not held to each other."),
    cachedShare: z
      .number()
      .optional()
      .describe("Of prompt tokens, by the counters of the server's prefix cache; 0 to 1."),
    series: z
      .strictObject({
        seconds: z.array(z.number()).describe("Since the first request was sent."),
        requestsRunning: z.array(z.number().nullable()).optional(),
        requestsWaiting: z.array(z.number().nullable()).optional(),
        cacheUsageShare: z.array(z.number().nullable()).optional(),
        cpuCores: z
          .array(z.number().nullable())
          .optional()
          .describe("Over the time since the sample before; null for the first."),
        memoryBytes: z.array(z.number().nullable()).optional(),
      })
      .describe("At most 60 of the samples; all are in server-metrics.json."),
    missed: z
      .strictObject({ count: z.number().int(), why: z.string() })
      .optional()
      .describe("Looks that failed, and what the last of them failed of."),
  })
  .meta({ id: "ServerLoad" });
export type ServerLoad = z.infer<typeof ServerLoad>;
