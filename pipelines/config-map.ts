import { createHash } from "node:crypto";
import { configObjectName } from "../src/servers/kubernetes-names.ts";
import { type ClusterRun, ownedLabels, runSlots } from "./names.ts";

/** One object for the API server, as plain data. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  /** `spec`, `data`, `rules` and whatever else a kind has. */
  readonly [field: string]: unknown;
}

/** Plugins as one file each, by the names that the plan gives them. */
export type Bundles = Readonly<Record<string, string>>;

/**
 * The resolved config and its plugins, in every step's pod. Immutable: another config, or another plugin, whose hash is
 * in it, has another name.
 */
export function planConfigMap(
  plan: ClusterRun,
  bundles: Bundles = {},
): {
  readonly name: string;
  readonly object: KubernetesObject;
} {
  const text = `${JSON.stringify(plan, null, 1)}\n`;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 10);
  const name = `${configObjectName(plan.name)}-${hash}`;
  const object = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: plan.cluster.namespace, labels: { ...ownedLabels } },
    immutable: true,
    data: { "plan.json": text, ...bundles },
  };
  return { name, object };
}

/** How many servers of each pool may be up at once: limits of the semaphore that cells wait for. */
export function slotsConfigMap(plan: ClusterRun): {
  readonly name: string;
  readonly object: KubernetesObject;
} {
  const name = configObjectName(plan.name, "slots");
  const object = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: plan.cluster.namespace, labels: { ...ownedLabels } },
    data: Object.fromEntries(
      Object.entries(plan.cluster.pools).map(([pool, { servers }]) => [pool, String(servers)]),
    ),
  };
  return { name, object };
}

/** How many runs of a namespace go on at a time: the limit of the lock that every config's workflow waits for. */
export function runsConfigMap({ cluster: { namespace } }: ClusterRun): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: runSlots.configMap, namespace, labels: { ...ownedLabels } },
    data: { [runSlots.key]: "1" },
  };
}
