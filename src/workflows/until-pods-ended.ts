import { setTimeout as sleep } from "node:timers/promises";
import { isStatus } from "../servers/kubernetes/api-error.ts";
import type { ClusterRuns } from "./cluster-runs.ts";

/** A step's pod has 30 s to end; one on a node that is lost does not. */
const longestMs = 120_000;
const askEveryMs = 1000;

const works = new Set(["Pending", "Running"]);

/**
 * Waits until the pods of a workflow that is over have ended, two minutes at most. Argo makes the pods of a retry under
 * the same names; where one is still ending it looks again only after 20 minutes. `tell` is told once what is waited for.
 * Waits for nothing where pods may not be listed.
 */
export async function untilPodsEnded(
  runs: ClusterRuns,
  workflow: string,
  tell: (text: string) => void,
): Promise<void> {
  const begun = performance.now();
  for (let told = false; ; told = true) {
    const ending = await endingPods(runs, workflow);
    if (ending.length === 0) return;
    if (performance.now() - begun > longestMs) {
      tell(`these pods do not end; what they were may stay Pending for 20 minutes: ${ending.join(", ")}`);
      return;
    }
    if (!told) tell(`waiting for pods that are still ending: ${ending.join(", ")}`);
    await sleep(askEveryMs);
  }
}

async function endingPods({ resources }: ClusterRuns, workflow: string): Promise<string[]> {
  try {
    const pods = await resources.pods({ "workflows.argoproj.io/workflow": workflow });
    return pods.flatMap(({ metadata, status }) =>
      works.has(status?.phase ?? "") ? [metadata?.name ?? ""] : [],
    );
  } catch (error) {
    if (isStatus(error, 403)) return [];
    throw error;
  }
}
