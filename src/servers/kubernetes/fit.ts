import type { ClusterNode, Pod } from "./objects.ts";
import { readQuantity } from "./quantity.ts";

type Taint = NonNullable<NonNullable<ClusterNode["spec"]>["taints"]>[number];
type Toleration = NonNullable<NonNullable<Pod["spec"]>["tolerations"]>[number];

/** Taints that come and go by themselves, or that a person puts on and takes off: a node under one may fit later. */
const passing = /^(node\.kubernetes\.io\/|node\.cloudprovider\.kubernetes\.io\/)/;

/**
 * Why no node could take a pod even if nothing else ran there: a line a node. Undefined where one could: by label,
 * taints and allocatable resources, whatever it holds now and whether it is ready or cordoned.
 */
export function whyNoNodeFits(pod: Pod, nodes: readonly ClusterNode[]): string[] | undefined {
  const reasons: string[] = [];
  for (const node of nodes) {
    const reason = whyNotThere(pod, node);
    if (reason === undefined) return undefined;
    reasons.push(`${node.metadata?.name}: ${reason}`);
  }
  return reasons;
}

function whyNotThere({ spec }: Pod, node: ClusterNode): string | undefined {
  const labels = node.metadata?.labels ?? {};
  for (const [key, value] of Object.entries(spec?.nodeSelector ?? {})) {
    if (labels[key] === undefined) return `has no label ${key} (asked for: ${value})`;
    if (labels[key] !== value) return `its label ${key} is ${labels[key]}, asked for is ${value}`;
  }
  const taint = (node.spec?.taints ?? []).find(
    (one) =>
      one.effect !== "PreferNoSchedule" &&
      !passing.test(one.key) &&
      !(spec?.tolerations ?? []).some((toleration) => tolerates(toleration, one)),
  );
  if (taint !== undefined) {
    return `is tainted ${taint.key}${taint.value ? `=${taint.value}` : ""}:${taint.effect}, which the pool does not tolerate`;
  }
  for (const [name, wanted] of requests(spec)) {
    const offered = node.status?.allocatable?.[name];
    if (offered === undefined) return `has no ${name}`;
    if (readQuantity(offered) < wanted) return `has ${offered} of ${name} to give, less than asked for`;
  }
  return undefined;
}

function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (!toleration.key) return toleration.operator === "Exists";
  if (toleration.key !== taint.key) return false;
  return toleration.operator === "Exists" || (toleration.value ?? "") === (taint.value ?? "");
}

function requests(spec: Pod["spec"]): [string, number][] {
  const sums = new Map<string, number>();
  for (const { resources } of spec?.containers ?? []) {
    for (const [name, quantity] of Object.entries(resources?.requests ?? {})) {
      sums.set(name, (sums.get(name) ?? 0) + readQuantity(quantity));
    }
  }
  return [...sums];
}

/**
 * The same from the scheduler's own words, where nodes may not be read: true when it refused every node for its labels
 * or taints, which no waiting changes. `0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.`
 */
export function refusesEveryNode(message: string): boolean {
  const total = Number(/^0\/(\d+) nodes are available/.exec(message)?.[1] ?? Number.NaN);
  const [reasons = ""] = message.split(/ preemption:/);
  const lasting = [
    ...reasons.matchAll(
      /(\d+) node\(s\) (?:didn't match Pod's node affinity\/selector|had untolerated taint(?:\(s\)|s)? ?\{?([^,}]*))/g,
    ),
  ].filter(([, , taint]) => taint === undefined || !passing.test(taint));
  return lasting.reduce((sum, [, count]) => sum + Number(count), 0) === total;
}
