import { setTimeout as sleep } from "node:timers/promises";
import { isStatus } from "../servers/kubernetes/api-error.ts";
import type { Pod } from "../servers/kubernetes/objects.ts";
import type { ClusterRuns } from "./cluster-runs.ts";
import type { RunPod } from "./run-pods.ts";

/** A day: a log is followed until its container ends. */
const longestMs = 86_400_000;
const lookAgainMs = 1000;

/** A container's log as far as it goes; undefined where it has not begun. */
export async function readLog(
  runs: ClusterRuns,
  { pod, container }: RunPod,
  tailLines?: number,
): Promise<string | undefined> {
  try {
    return await runs.client.text({
      path: `${runs.resources.podsPath}/${pod.metadata?.name}/log`,
      query: { container, tailLines },
      timeoutMs: 60_000,
    });
  } catch (error) {
    // Its container waits to start; or the pod went meanwhile.
    if (isStatus(error, 400) || isStatus(error, 404)) return undefined;
    throw error;
  }
}

/** The lines of a container's log as they come, until it has ended or its pod is gone. */
export async function* followLog(
  runs: ClusterRuns,
  { pod, container }: RunPod,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const path = `${runs.resources.podsPath}/${pod.metadata?.name}`;
  let last = "";
  while (!signal.aborted) {
    try {
      // Where the connection broke off the log begins again a second earlier: lines that were seen are left out.
      const query = { container, follow: true, timestamps: true, sinceTime: last === "" ? undefined : last };
      for await (const line of runs.client.lines({
        path: `${path}/log`,
        query,
        timeoutMs: longestMs,
        signal,
      })) {
        const at = line.indexOf(" ");
        const stamp = line.slice(0, at);
        if (at < 0 || stamp <= last) continue;
        last = stamp;
        yield line.slice(at + 1);
      }
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (isStatus(error, 404)) return;
      if (!isStatus(error, 400) && !runs.client.isPassing(error)) throw error;
      const now = await runs.client.get<Pod>(path, signal);
      if (now === undefined || (isStatus(error, 400) && isDone(now))) return;
      await sleep(lookAgainMs);
    }
  }
}

function isDone({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}
