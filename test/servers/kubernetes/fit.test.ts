import { expect, test } from "vitest";
import { refusesEveryNode, whyNoNodeFits } from "../../../src/servers/kubernetes/fit.ts";
import { neighboursOf } from "../../../src/servers/kubernetes/neighbours.ts";
import type { ClusterNode, Pod } from "../../../src/servers/kubernetes/objects.ts";
import { readQuantity } from "../../../src/servers/kubernetes/quantity.ts";

const gpuTaint = { key: "nvidia.com/gpu", value: "present", effect: "NoSchedule" };

function node(
  name: string,
  change: { labels?: object; taints?: object[]; allocatable?: object } = {},
): ClusterNode {
  const {
    labels = {},
    taints = [],
    allocatable = { cpu: "16", memory: "64Gi", "nvidia.com/gpu": "2" },
  } = change;
  return { metadata: { name, labels }, spec: { taints }, status: { allocatable } } as ClusterNode;
}

function pod(requests: Record<string, string>, change: object = {}): Pod {
  return { spec: { containers: [{ name: "server", resources: { requests } }], ...change } };
}

test("a node that would do is enough, whether it is cordoned or not ready now", () => {
  const nodes = [
    node("small", { allocatable: { cpu: "2", memory: "4Gi" } }),
    node("cordoned", { taints: [{ key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }] }),
  ];
  expect(whyNoNodeFits(pod({ cpu: "8", "nvidia.com/gpu": "2" }), nodes)).toBeUndefined();
});

test("each node says why it would not", () => {
  const wants = pod(
    { cpu: "500m", memory: "128Gi", "nvidia.com/gpu": "1" },
    { nodeSelector: { zone: "a" }, tolerations: [{ key: "other", operator: "Exists" }] },
  );
  const labels = { zone: "a" };
  expect(
    whyNoNodeFits(wants, [
      node("unlabelled"),
      node("elsewhere", { labels: { zone: "b" } }),
      node("tainted", { labels, taints: [gpuTaint] }),
      node("small", { labels }),
      node("without", { labels, allocatable: { cpu: "16", memory: "256Gi" } }),
    ]),
  ).toEqual([
    "unlabelled: has no label zone (asked for: a)",
    "elsewhere: its label zone is b, asked for is a",
    "tainted: is tainted nvidia.com/gpu=present:NoSchedule, which the pool does not tolerate",
    "small: has 64Gi of memory to give, less than asked for",
    "without: has no nvidia.com/gpu",
  ]);
});

test.each([
  [{ key: "nvidia.com/gpu", operator: "Exists" }, true],
  [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }, true],
  [{ key: "nvidia.com/gpu", operator: "Equal", value: "present" }, true],
  [{ operator: "Exists" }, true],
  [{ key: "nvidia.com/gpu", operator: "Equal", value: "true" }, false],
  [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoExecute" }, false],
])("the toleration %o takes the taint of GPU nodes: %s", (toleration, fits) => {
  const found = whyNoNodeFits(pod({}, { tolerations: [toleration] }), [node("gpu", { taints: [gpuTaint] })]);
  expect(found === undefined).toBe(fits);
});

test.each([
  [
    "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
    true,
  ],
  [
    "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 2 node(s) had untolerated taint {nvidia.com/gpu: present}. preemption: 0/3",
    true,
  ],
  [
    "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 2 node(s) had untolerated taint(s).",
    true,
  ],
  [
    "0/3 nodes are available: 1 Insufficient nvidia.com/gpu, 2 node(s) didn't match Pod's node affinity/selector.",
    false,
  ],
  [
    "0/3 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }, 2 node(s) didn't match Pod's node affinity/selector.",
    false,
  ],
  ["0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.", false],
  ["no nodes available to schedule pods", false],
])("the scheduler's words: %s", (message, refused) => {
  expect(refusesEveryNode(message)).toBe(refused);
});

test.each([
  ["4", 4],
  ["500m", 0.5],
  ["16Gi", 16 * 2 ** 30],
  ["1.5G", 1.5e9],
  ["2e3", 2000],
  ["100k", 1e5],
  ["1E", 1e18],
  ["lots", Number.NaN],
])("the quantity %s is %d", (text, number) => {
  expect(readQuantity(text)).toBe(number);
});

test("neighbours are other servers, and other pods that hold GPUs", () => {
  const other = (name: string, labels: object, limits: object): Pod =>
    ({
      metadata: { name, namespace: "x", uid: name, labels },
      spec: { containers: [{ name: "c", resources: { limits } }] },
    }) as Pod;
  const server = { "app.kubernetes.io/managed-by": "llmbench", "app.kubernetes.io/component": "server" };
  const own = other("own", server, { "nvidia.com/gpu": "1" });
  expect(
    neighboursOf(own, [
      own,
      other("second", server, { "nvidia.com/gpu": "1" }),
      other("step", { "app.kubernetes.io/managed-by": "llmbench" }, { cpu: "1" }),
      other("training", {}, { "nvidia.com/mig-1g.5gb": "1" }),
      other("logs", {}, { cpu: "1", "nvidia.com/gpu": "0" }),
    ]),
  ).toEqual({ servers: ["x/second"], gpuPods: ["x/training"] });
});
