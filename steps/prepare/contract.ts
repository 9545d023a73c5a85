import { z } from "zod";
import type { StepContract } from "../../src/steps/step.ts";

/** Before all cells, once a run: checks what every cell needs, removes what dead runs left, writes run.json. */
export const prepare = {
  name: "prepare",
  input: z.strictObject({}),
  output: z.strictObject({
    run: z.string(),
    cells: z.array(z.string()),
    /** On a cluster: version of Argo Workflows, or `not looked at`. */
    argo: z.string().optional(),
  }),
} satisfies StepContract;
