import { z } from "zod";
import { ServerRef } from "../../src/steps/server-ref.ts";
import type { StepContract } from "../../src/steps/step.ts";

/** Sends the warm-up requests, and learns prompts of the token lengths that the points ask for. */
export const warmup = {
  name: "warmup",
  input: z.strictObject({ server: ServerRef }),
  output: z.strictObject({ server: ServerRef, requests: z.number().int() }),
} satisfies StepContract;
