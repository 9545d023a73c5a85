import { defineStep } from "../../src/steps/step.ts";
import { teardown } from "./contract.ts";

export default defineStep(teardown, async ({ cell }, context) => {
  const backend = await context.session(cell).backend();
  const server = { runId: context.run.id, cellId: cell };
  const { running } = await backend.inspect(server);
  await backend.remove(server);
  return { removed: running };
});
