import { defineStep } from "../../src/steps/step.ts";
import { waitHealthy } from "./contract.ts";

export default defineStep(waitHealthy, async ({ server: known }, context) => {
  const { server, startup } = await context.session(known.cell).ready(known);
  return { server, firstCompletionMs: startup.firstCompletionMs };
});
