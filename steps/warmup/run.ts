import { defineStep } from "../../src/steps/step.ts";
import { warmUp } from "../../src/steps/warm-up.ts";
import { warmup } from "./contract.ts";

export default defineStep(warmup, async ({ server: known }, context) => {
  const warm = await warmUp(context, context.session(known.cell), known);
  return { server: warm.server, requests: warm.warmup.requests };
});
