import type { StepContext } from "../../src/steps/context.ts";
import { maskLog } from "../../src/steps/mask-log.ts";
import { defineStep } from "../../src/steps/step.ts";
import { takeDown } from "../../src/steps/take-down.ts";
import { teardown } from "./contract.ts";

export default defineStep(teardown, async ({ cell }, context) => {
  const removed = await takeDown(context, cell);
  await maskLogs(cell, context);
  return { removed };
});

/** A process writes what it likes; now that none does, what is secret of it goes. */
async function maskLogs(cell: string, { run, session, mask }: StepContext): Promise<void> {
  const { server } = session(cell).cell;
  if (server.kind !== "process" || server.secretEnv.length === 0) return;
  for (const deployment of await run.listDeployments(cell)) {
    await maskLog(run.paths.deployment(cell, deployment).log, mask);
  }
}
