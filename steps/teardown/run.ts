import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { writeError } from "../../src/results/stored-json.ts";
import type { StepContext } from "../../src/steps/context.ts";
import { maskLog } from "../../src/steps/mask-log.ts";
import { defineStep } from "../../src/steps/step.ts";
import { teardown } from "./contract.ts";

/** Lines of a pod's log that are kept: a server that logs each request has no more to say in more. */
const keptLines = 20_000;

export default defineStep(teardown, async ({ cell }, context) => {
  const backend = await context.session(cell).backend();
  const server = { runId: context.run.id, cellId: cell };
  const { running } = await backend.inspect(server);
  // A process writes its log to the run folder itself; a pod's goes with the pod.
  const lines = backend.kind === "kubernetes" ? await backend.logs(server, keptLines) : [];
  // Before anything is written: a share that is full or gone must not keep a server on its node.
  await backend.remove(server);
  await keepLog(cell, lines, context);
  if (backend.kind === "process") await maskLogs(cell, context);
  return { removed: running };
});

/** A process writes what it likes; now that none does, what is secret of it goes. */
async function maskLogs(cell: string, { run, session, mask }: StepContext): Promise<void> {
  const { server } = session(cell).cell;
  if (server.kind !== "process" || server.secretEnv.length === 0) return;
  for (const deployment of await run.listDeployments(cell)) {
    await maskLog(run.paths.deployment(cell, deployment).log, mask);
  }
}

async function keepLog(cell: string, lines: readonly string[], { run, mask }: StepContext): Promise<void> {
  const deployment = (await run.listDeployments(cell)).at(-1);
  if (deployment === undefined || lines.length === 0) return;
  const { log } = run.paths.deployment(cell, deployment);
  try {
    await mkdir(dirname(log), { recursive: true });
    await writeFile(log, `${lines.map(mask).join("\n")}\n`);
  } catch (error) {
    throw writeError(error, log);
  }
}
