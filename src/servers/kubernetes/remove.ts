import { setTimeout as sleep } from "node:timers/promises";
import { LlmbenchError } from "../../error.ts";
import type { ServerKey } from "../registry.ts";
import { selectorOf, serverLabels, serverName } from "./names.ts";
import { ObjectWatch } from "./object-watch.ts";
import type { Pod } from "./objects.ts";
import { condition } from "./pod-state.ts";
import type { Resources } from "./resources.ts";

/** What a pod may take beyond its own time to end, ms: the kubelet's work, volumes, a slow driver. */
const marginMs = 90_000;
/** A lost node cannot say that a pod has ended: after this time beyond the pod's own its object is taken away, ms. */
const lostAfterMs = 5000;
const askNodeEveryMs = 5000;

/**
 * Deletes a server's Deployment and Service and returns when no pod of it is left. Pods of a node that is lost are
 * deleted by force once their time is over. Rejects with SERVER_STILL_THERE.
 */
export async function removeServer(resources: Resources, key: ServerKey): Promise<void> {
  const name = serverName(key);
  const { client } = resources;
  // In the foreground: the Deployment stays until its pods are gone, so that nothing makes another one.
  await client.delete(resources.deploymentPath(name), { propagation: "Foreground" });
  await client.delete(resources.servicePath(name));
  const over = new AbortController();
  const watch = new ObjectWatch<Pod>(client, resources.podsPath, {
    labelSelector: selectorOf(serverLabels(key)),
  });
  const failed = new Promise<never>((_, reject) => {
    watch.run(over.signal).catch(reject);
  });
  try {
    await Promise.race([failed, untilGone(resources, key, watch)]);
  } finally {
    over.abort();
  }
  while ((await resources.deployment(name)) !== undefined) await sleep(200);
}

async function untilGone(resources: Resources, key: ServerKey, watch: ObjectWatch<Pod>): Promise<void> {
  const begun = performance.now();
  let askedNodeMs = Number.NEGATIVE_INFINITY;
  await watch.listed();
  while (watch.objects.length > 0) {
    const seen = watch.changes;
    const waitedMs = performance.now() - begun;
    const graceMs = 1000 * Math.max(...watch.objects.map(graceSeconds));
    if (waitedMs > graceMs + marginMs) throw stillThere(resources, key, watch.objects);
    if (waitedMs > graceMs + lostAfterMs && performance.now() - askedNodeMs > askNodeEveryMs) {
      askedNodeMs = performance.now();
      for (const pod of watch.objects) if (await isLost(resources, pod)) await resources.deletePod(pod, 0);
    }
    await watch.next(1000, seen);
  }
}

function graceSeconds({ spec, metadata }: Pod): number {
  return metadata?.deletionGracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? 30;
}

/** By the node itself where it may be read, else by what the cluster wrote on the pod. */
async function isLost(resources: Resources, pod: Pod): Promise<boolean> {
  const { nodeName } = pod.spec ?? {};
  if (nodeName === undefined) return false;
  const taken = condition(pod, "DisruptionTarget")?.reason === "DeletionByTaintManager";
  return (await resources.isNodeLost(nodeName)) ?? taken;
}

function stillThere(resources: Resources, { cellId }: ServerKey, pods: readonly Pod[]): LlmbenchError {
  const names = pods.map(({ metadata, spec }) => `${metadata?.name} on ${spec?.nodeName}`).join(", ");
  return new LlmbenchError("SERVER_STILL_THERE", `${cellId}: its pod does not end: ${names}.`, {
    hint: `Its processes hang in a driver or on a dead file server, or its node does not answer: see the node; then kubectl delete pod -n ${resources.namespace} --force --grace-period=0 ${pods.map(({ metadata }) => metadata?.name).join(" ")}`,
  });
}
