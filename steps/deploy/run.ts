import { defineStep } from "../../src/steps/step.ts";
import { deploy } from "./contract.ts";

export default defineStep(deploy, async ({ cell }, context) => ({
  server: await context.session(cell).ensure(),
}));
