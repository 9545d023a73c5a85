import { hubModels } from "../src/config/hub-models.ts";
import { configObjectName } from "../src/servers/kubernetes-names.ts";
import type { KubernetesObject } from "./config-map.ts";
import { accounts, type ClusterRun, ownedLabels } from "./names.ts";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const rule = (group: string, resources: readonly string[], verbs: string): Rule => ({
  apiGroups: [group],
  resources,
  verbs: verbs.split(" "),
});

/** What Argo's `wait` container does in every pod: hand over its outputs. */
const reportResult = rule("argoproj.io", ["workflowtaskresults"], "create patch");
/** To look at servers: what they are, how they are, and why not. */
const look = [
  rule("apps", ["deployments"], "get list watch"),
  rule("", ["services", "pods", "events"], "get list watch"),
  rule("", ["pods/log"], "get"),
];
const remove = [rule("apps", ["deployments"], "delete"), rule("", ["services", "pods"], "delete")];
const apply = [rule("apps", ["deployments"], "create patch"), rule("", ["services"], "create patch")];

/** To run commands beside a server. */
const exec = rule("", ["pods/exec"], "create get");

/** Rights of each account in its namespace, least first to say no more than its steps need. */
export const rights: Readonly<Record<keyof typeof accounts, readonly Rule[]>> = {
  // Servers of runs that are over are removed before a run begins.
  prepare: [reportResult, ...look, ...remove, rule("argoproj.io", ["workflows"], "get list")],
  // Each step ensures its server; one that failed, or is another's, goes first.
  server: [reportResult, ...look, ...apply, ...remove],
  profile: [reportResult, ...look, ...apply, ...remove, exec],
  teardown: [reportResult, ...look, ...remove],
  // Fetches from a hub and writes to a share: nothing of the cluster's.
  models: [reportResult],
};

/** Beyond the namespace, and only to look: who else is on a node, and what would fit there. */
export const clusterRights: readonly Rule[] = [
  rule("", ["nodes"], "get list watch"),
  rule("", ["pods"], "list"),
];

/** Whether every server of the run keeps to the restricted Pod Security profile. */
function enforced(plan: ClusterRun): "restricted" | "baseline" {
  const asRoot = plan.cells.some(
    ({ server }) => server.kind === "kubernetes" && (server.user?.uid ?? 0) === 0,
  );
  return asRoot ? "baseline" : "restricted";
}

/** Namespace, accounts, rights and limits. */
export function access(plan: ClusterRun): KubernetesObject[] {
  const { cluster } = plan;
  const { namespace } = cluster;
  const labels = { ...ownedLabels };
  const metadata = (name: string) => ({ name, namespace, labels });
  const fetching = hubModels(plan).length > 0;
  const kinds = (Object.keys(accounts) as (keyof typeof accounts)[]).filter(
    (kind) => kind !== "models" || fetching,
  );
  return [
    {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: {
        name: namespace,
        labels: {
          ...labels,
          "pod-security.kubernetes.io/enforce": enforced(plan),
          "pod-security.kubernetes.io/warn": "restricted",
          "pod-security.kubernetes.io/audit": "restricted",
        },
      },
    },
    ...kinds.flatMap((kind) => {
      const name = accounts[kind];
      const role = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name };
      return [
        { apiVersion: "v1", kind: "ServiceAccount", metadata: metadata(name) },
        {
          apiVersion: "rbac.authorization.k8s.io/v1",
          kind: "Role",
          metadata: metadata(name),
          rules: [...rights[kind], ...(kind === "server" && cluster.readServerUsage === true ? [exec] : [])],
        },
        {
          apiVersion: "rbac.authorization.k8s.io/v1",
          kind: "RoleBinding",
          metadata: metadata(name),
          roleRef: role,
          subjects: [{ kind: "ServiceAccount", name, namespace }],
        },
      ];
    }),
    ...(cluster.lookBeyondNamespace ? clusterAccess(namespace) : []),
    quota(plan),
    ...(cluster.networkPolicy ? networkPolicies(plan) : []),
  ];
}

function clusterAccess(namespace: string): KubernetesObject[] {
  const { models: _, ...steps } = accounts;
  const looking = Object.values(steps);
  const name = `llmbench-look-${namespace}`;
  const labels = { ...ownedLabels };
  return [
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name, labels },
      rules: clusterRights,
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name, labels },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: looking.map((account) => ({
        kind: "ServiceAccount",
        name: account,
        namespace,
      })),
    },
  ];
}

/**
 * So that a mistake cannot take every GPU: what the pools' servers need, twice, since one may go as the next comes. A
 * resource of which they need none is not limited: it may be another config's of the namespace.
 */
function quota(plan: ClusterRun): KubernetesObject {
  const hard: Record<string, string> = {};
  for (const [pool, { gpuResource, servers }] of Object.entries(plan.cluster.pools)) {
    const gpus = plan.cells.map(({ server }) =>
      server.kind === "kubernetes" && server.pool === pool ? server.resources.gpus : 0,
    );
    const most = Math.max(0, ...gpus);
    const key = `requests.${gpuResource}`;
    if (most > 0) hard[key] = String(Number(hard[key] ?? 0) + 2 * servers * most);
  }
  const servers = Object.values(plan.cluster.pools).reduce((sum, pool) => sum + pool.servers, 0);
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: {
      name: configObjectName(plan.name),
      namespace: plan.cluster.namespace,
      labels: { ...ownedLabels },
    },
    spec: { hard: { ...hard, "count/deployments.apps": String(2 * servers) } },
  };
}

/** Servers talk to the steps of the namespace and to nobody else; names are looked up by cluster DNS. */
function networkPolicies({ cluster: { namespace } }: ClusterRun): KubernetesObject[] {
  const servers = { matchLabels: { ...ownedLabels } };
  return [
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "llmbench-servers", namespace, labels: { ...ownedLabels } },
      spec: {
        podSelector: servers,
        policyTypes: ["Ingress", "Egress"],
        ingress: [{ from: [{ podSelector: {} }] }],
        egress: [
          {
            to: [{ namespaceSelector: {} }],
            // An answer that is too long for UDP is asked for again by TCP.
            ports: ["UDP", "TCP"].map((protocol) => ({ protocol, port: 53 })),
          },
        ],
      },
    },
  ];
}
