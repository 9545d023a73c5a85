import { z } from "zod";
import type { StepContract } from "../../src/steps/step.ts";

/** Removes the server of a cell and waits until it is gone, whatever happened before, also when it never was. */
export const teardown = {
  name: "teardown",
  input: z.strictObject({
    cell: z.string(),
    status: z.enum(["Succeeded", "Failed", "Error", "Interrupted"]),
  }),
  output: z.strictObject({ removed: z.boolean() }),
} satisfies StepContract;
