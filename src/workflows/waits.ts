import type { Pod } from "../servers/kubernetes/objects.ts";
import { condition, isLive, isScheduled } from "../servers/kubernetes/pod-state.ts";
import type { Workflow } from "./workflow.ts";

/** Why a run as a whole has not begun, in words: another run holds the namespace's semaphore. */
export function runWaits({ metadata, status }: Workflow): string | undefined {
  if (status?.phase !== undefined && status.phase !== "" && status.phase !== "Pending") return undefined;
  const [first] = status?.synchronization?.semaphore?.waiting ?? [];
  if (first === undefined) return status?.message || undefined;
  const others = (first.holders ?? []).map((holder) => holder.split("/").at(-1) ?? holder);
  const named = others.filter((name) => name !== metadata?.name);
  const by = named.length === 0 ? "another run" : `run ${named.join(", ")}`;
  return `waits for ${by} to end: one run at a time in this namespace (semaphore ${lockName(first.semaphore)})`;
}

/** What a cell that is held by a lock waits for; `NAMESPACE/ConfigMap/NAME/KEY` is a semaphore's place. */
export function lockWaits(lock: string): string {
  const [, kind, name = "", key] = lock.split("/");
  if (kind === "ConfigMap" && key !== undefined)
    return `waits for a free place in pool ${key} (semaphore ${name}/${key})`;
  return `waits for the ${kind === "Mutex" ? "mutex" : "lock"} ${lockName(lock)}`;
}

function lockName(lock: string): string {
  return lock.split("/").slice(2).join("/") || lock;
}

/** What a pod that no node has taken waits for. */
export function podWaits(pod: Pod, what: string): string | undefined {
  if (!isLive(pod) || isScheduled(pod)) return undefined;
  return `${what} ${nodeWaits(condition(pod, "PodScheduled")?.message)}`;
}

/** Of a step whose pod has not begun: Argo puts the scheduler's words on its node, and the node's when it has trouble. */
export function stepWaits(message: string | undefined): string | undefined {
  const unschedulable = /^Unschedulable: (.+)$/s.exec(message ?? "")?.[1];
  if (unschedulable !== undefined) return `its pod ${nodeWaits(unschedulable)}`;
  // What every pod goes through is nothing to wait for.
  if (!message || /^(?:PodInitializing|ContainerCreating)$/.test(message)) return undefined;
  return `its pod has not started: ${message}`;
}

/** The scheduler's words, without what it says of preemption. */
function nodeWaits(message = ""): string {
  const said = message
    .replace(/,? *(?:no new claims to deallocate, )?preemption:.*$/s, "")
    .replace(/\.$/, "");
  if (/anti-affinity/.test(said)) return `waits for a node that no other benchmark server has (${said})`;
  return said === "" ? "waits for a node" : `waits for a node: ${said}`;
}
