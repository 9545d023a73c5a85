import { z } from "zod";
import { CaptureRef } from "../../src/steps/capture-ref.ts";
import type { StepContract } from "../../src/steps/step.ts";

/** Reads a recording's tables and makes the cell's profile of them: `profile/` with the report, tables, summary.json. */
export const copyProfile = {
  name: "copy-profile",
  input: z.strictObject({ report: CaptureRef }),
  output: z.strictObject({
    /** In the run folder. */
    folder: z.string(),
    /** Headlines for a person who looks at the node; null without CUDA data. */
    gpuBusyShare: z.number().nullable(),
    topKernel: z.string().nullable(),
  }),
} satisfies StepContract;
