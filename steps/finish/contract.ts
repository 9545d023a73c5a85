import { z } from "zod";
import type { StepContract } from "../../src/steps/step.ts";

/** Once a run, last: removes what is left of it, writes results.json and the report. */
export const finish = {
  name: "finish",
  input: z.strictObject({}),
  output: z.strictObject({ results: z.string(), report: z.string(), leftovers: z.array(z.string()) }),
} satisfies StepContract;
