import { z } from "zod";
import { CaptureRef } from "../../src/steps/capture-ref.ts";
import { ServerRef } from "../../src/steps/server-ref.ts";
import type { StepContract } from "../../src/steps/step.ts";

/**
 * After the sweep: replaces the measured server by the same one under nsys, records it under the plan's load, brings the
 * report and its tables to the run folder and removes the server. Nothing is measured on it.
 */
export const profile = {
  name: "profile",
  input: z.strictObject({ server: ServerRef }),
  output: z.strictObject({
    report: CaptureRef,
    /** False where a recording of this very server was there already. */
    recorded: z.boolean(),
  }),
} satisfies StepContract;
