import type { Pod } from "./objects.ts";
import { condition } from "./pod-state.ts";
import type { Resources } from "./resources.ts";

/** What took a pod away, by the reason that Kubernetes writes on it while it ends. */
const takenBy: Readonly<Record<string, string>> = {
  EvictionByEvictionAPI: "was evicted",
  PreemptionByScheduler: "gave way to a pod of higher priority",
  DeletionByTaintManager: "was taken off its node",
  TerminationByKubelet: "was ended by its node",
};

/** Why the pod `instance`, which ran on `node`, is a server's pod no more: a clause, and what to do. */
export async function whyReplaced(
  resources: Resources,
  pods: readonly Pod[],
  { instance, node }: { readonly instance: string; readonly node?: string },
): Promise<{ readonly reason: string; readonly hint: string }> {
  const old = pods.find(({ metadata }) => metadata?.uid === podUid(instance));
  const by = old === undefined ? undefined : takenBy[condition(old, "DisruptionTarget")?.reason ?? ""];
  const place = node === undefined ? "" : ` on ${node}`;
  const reason = `its pod${place} ${by ?? "was taken away"}`;
  const seen = `see \`kubectl get events -n ${resources.namespace}\``;
  if (node === undefined || !(await resources.isNodeCordoned(node))) {
    return { reason, hint: `Somebody deleted it, or a policy of the cluster did: ${seen}` };
  }
  return {
    reason: `${reason}: the node takes no new pods, as one that is drained`,
    hint: `Nothing to mend: another node takes the server, or this one after \`kubectl uncordon ${node}\``,
  };
}

/** An instance is a pod and, after a plus, how often its container was started again. */
export function podUid(instance: string): string {
  return instance.replace(/\+\d+$/, "");
}
