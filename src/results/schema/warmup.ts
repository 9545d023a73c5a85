import { z } from "zod";

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
