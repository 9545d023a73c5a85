import { isStatus } from "../servers/kubernetes/api-error.ts";
import { annotations, anyServer, labels } from "../servers/kubernetes/names.ts";
import { currentPod } from "../servers/kubernetes/pod-state.ts";
import { labelValue } from "../servers/kubernetes-names.ts";
import type { ClusterRuns } from "./cluster-runs.ts";
import type { RunStatus } from "./run-status.ts";
import { podWaits } from "./waits.ts";

/** Steps in which a server may wait for its node. */
const starting = new Set(["deploy", "wait-healthy", "profile"]);

/**
 * Adds what only the servers' own pods tell: that one waits for a node, because another server has it. Where pods may
 * not be read the status stays as it is.
 */
export async function withServerWaits(runs: ClusterRuns, status: RunStatus): Promise<RunStatus> {
  const waitsForServer = status.cells.some(
    ({ state, step = "" }) => state === "running" && starting.has(step),
  );
  if (!waitsForServer) return status;
  try {
    const pods = await runs.resources.pods({ ...anyServer, [labels.run]: labelValue(status.run) });
    const cells = status.cells.map((cell) => {
      if (cell.state !== "running" || !starting.has(cell.step ?? "")) return cell;
      const own = pods.filter(({ metadata }) => metadata?.annotations?.[annotations.cell] === cell.cell);
      const pod = currentPod(own);
      const waits = pod === undefined ? undefined : podWaits(pod, "its server");
      return waits === undefined ? cell : { ...cell, waits };
    });
    return { ...status, cells };
  } catch (error) {
    if (isStatus(error, 403)) return status;
    throw error;
  }
}
