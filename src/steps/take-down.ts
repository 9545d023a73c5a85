import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { writeError } from "../results/stored-json.ts";
import type { StepContext } from "./context.ts";

/** Lines of a pod's log that are kept: a server that logs each request has no more to say in more. */
const keptLines = 20_000;

/** Removes a cell's server, whichever is up, and keeps its log. Returns when it is gone; whether one was up. */
export async function takeDown(context: StepContext, cell: string): Promise<boolean> {
  const session = context.session(cell);
  const backend = await session.backend();
  const server = session.serverKey;
  const { running, instance } = await backend.inspect(server);
  // A process writes its log to the run folder itself; a pod's goes with the pod.
  const lines = backend.kind === "kubernetes" ? await backend.logs(server, keptLines) : [];
  // Before anything is written: a share that is full or gone must not keep a server on its node.
  await backend.remove(server);
  if (lines.length > 0) await keepLog(context, cell, instance, lines);
  return running;
}

async function keepLog(
  { run, mask }: StepContext,
  cell: string,
  instance: string | undefined,
  lines: readonly string[],
): Promise<void> {
  const { log } = run.paths.deployment(cell, await deploymentOf(run, cell, instance));
  try {
    await mkdir(dirname(log), { recursive: true });
    await writeFile(log, `${lines.map(mask).join("\n")}\n`);
  } catch (error) {
    throw writeError(error, log);
  }
}

/** The deployment that a server was; one that never got ready has none yet, and gets the next number. */
async function deploymentOf(
  run: StepContext["run"],
  cell: string,
  instance: string | undefined,
): Promise<number> {
  const deployments = await run.listDeployments(cell);
  for (const deployment of [...deployments].reverse()) {
    const stored = await run.readServer(cell, deployment);
    if (stored.found && podOf(stored.value.instance) === podOf(instance)) return deployment;
  }
  return Math.max(0, ...deployments) + 1;
}

/** A process that was started anew in the same pod writes on in the same log. */
function podOf(instance: string | undefined): string | undefined {
  return instance?.split("+")[0];
}
