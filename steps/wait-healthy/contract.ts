import { z } from "zod";
import { ServerRef } from "../../src/steps/server-ref.ts";
import type { StepContract } from "../../src/steps/step.ts";

/** Waits until the probe passes and one real completion came back; fails early with the reason. */
export const waitHealthy = {
  name: "wait-healthy",
  input: z.strictObject({ server: ServerRef }),
  output: z.strictObject({ server: ServerRef, firstCompletionMs: z.number().nullable() }),
} satisfies StepContract;
