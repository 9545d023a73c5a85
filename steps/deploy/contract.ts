import { z } from "zod";
import { ServerRef } from "../../src/steps/server-ref.ts";
import type { StepContract } from "../../src/steps/step.ts";

/** Starts the server of a cell, unless the very same one is up. */
export const deploy = {
  name: "deploy",
  input: z.strictObject({ cell: z.string() }),
  output: z.strictObject({ server: ServerRef }),
} satisfies StepContract;
