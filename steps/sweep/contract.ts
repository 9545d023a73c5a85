import { z } from "zod";
import { VerdictStatus } from "../../src/results/schema/verdict.ts";
import { ServerRef } from "../../src/steps/server-ref.ts";
import type { StepContract } from "../../src/steps/step.ts";

/**
 * Measures every point that is not finished yet, of an A/B's block the one repetition that it is; then fails if a verdict
 * is in `failOn`.
 */
export const sweep = {
  name: "sweep",
  input: z.strictObject({ server: ServerRef, repetition: z.number().int().positive().optional() }),
  output: z.strictObject({
    server: ServerRef,
    /** Measurements made now, and those found finished. */
    measured: z.number().int(),
    kept: z.number().int(),
    /** Headlines for a person who looks at the node: the best point's throughput, its TTFT, the worst verdict. */
    outputTokensPerSecond: z.number().nullable(),
    ttftMs: z.number().nullable(),
    verdict: VerdictStatus,
    /** In words, for a list of cells, with that point's own verdict: `12.3 tok/s, TTFT 45 ms, valid; 1 of 2 suspect`. */
    headline: z.string(),
  }),
} satisfies StepContract;
