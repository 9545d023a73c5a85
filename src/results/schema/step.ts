import { z } from "zod";

/** steps/<step>/summary.json of a cell: what a step of a plugin found. */
export const StepSummary = z
  .strictObject({
    schemaVersion: z.literal(1),
    simulated: z.boolean(),
    step: z.string(),
    cell: z.string(),
    deployment: z.number().int(),
    instance: z.string(),
    specHash: z.string().describe("Of the server that it looked at."),
    plugin: z
      .strictObject({ file: z.string(), sha256: z.string() })
      .describe("The code that ran; the hash is that of its bundle."),
    input: z.unknown().describe("What the config gave it."),
    outputs: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    finishedAt: z.string(),
  })
  .meta({ id: "StepSummary", description: "What a step of a plugin found in a cell." });
export type StepSummary = z.infer<typeof StepSummary>;
