import {
  type ContainerOptions,
  field,
  type TextLike,
  text,
  thisRun,
  type Value,
  volume,
} from "../src/argo/index.ts";
import type { TolerationPlan } from "../src/config/cluster-plan.ts";
import { isOneShare, shareClaim } from "../src/config/share-claims.ts";
import { configObjectName } from "../src/servers/kubernetes-names.ts";
import { planConfigMap } from "./config-map.ts";
import { type ClusterRun, ownedLabels } from "./names.ts";

/** Where a step finds things; the same in every step's pod. */
export const places = {
  plan: "/config/plan.json",
  results: "/results",
  models: "/models",
  outputs: "/tmp/outputs",
  report: "/tmp/report.html",
} as const;

const standingWords = ["--out", places.results, "--plan", places.plan, "--outputs", places.outputs];

/** What the restricted Pod Security profile asks of a container; Argo's own `init` and `wait` get it by a patch. */
const restrictedContainer = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  runAsNonRoot: true,
  seccompProfile: { type: "RuntimeDefault" },
} as const;

export interface StepPod<Here> {
  readonly step: string;
  readonly run: Value<string, Here>;
  /** Inputs of the step, by name. */
  readonly params?: Readonly<Record<string, TextLike<Here>>>;
  /** Further words for `llmbench step`. */
  readonly words?: readonly TextLike<Here>[];
  readonly account: string;
  /** The load generator: more room, and rather on a node without GPUs. */
  readonly client?: boolean;
  /**
   * False for what runs at an end: `argo retry` leaves the retry node of a task's exit hook running, and its cell never
   * ends; and past the workflow's deadline Argo fails the pod of a retried exit handler before it starts (4.1.2).
   */
  readonly triedAgain?: boolean;
  /** What it asks for, where that is its own to say; the memory is its limit as well. */
  readonly room?: { readonly cpu: string; readonly memory: string };
}

/** The pod of one step: llmbench's image, the plan, the shares, and the rights of its account. */
export function stepPod<Here>(plan: ClusterRun, pod: StepPod<Here>): ContainerOptions<Here> {
  const { steps } = plan.cluster;
  const { retry, ...common } = commonPod(plan);
  const { clientResources } = steps;
  const params = Object.entries(pod.params ?? {}).flatMap(([name, given]): TextLike<Here>[] => [
    "--param",
    text`${name}=${given as Value<string, Here>}`,
  ]);
  const own = pod.client === true ? clientResources : pod.room;
  const room = own ?? { cpu: "100m", memory: "256Mi" };
  const limit = own === undefined ? "1Gi" : own.memory;
  return {
    ...common,
    args: ["step", pod.step, "--run", pod.run, ...standingWords, ...params, ...(pod.words ?? [])],
    env: {
      // A run is called as its workflow is, unless it was given a name.
      LLMBENCH_WORKFLOW: thisRun.name,
      LLMBENCH_WORKFLOW_UID: thisRun.uid,
      LLMBENCH_MODELS: places.models,
      LLMBENCH_NODE: field("spec.nodeName"),
      ...common.env,
    },
    resources: {
      requests: definedOnly(room),
      ...(limit === undefined ? {} : { limits: { memory: limit as "1Gi" } }),
    },
    mounts: {
      "/config": {
        volume: volume("config", { configMap: { name: planConfigMap(plan).name } }),
        readOnly: true,
      },
      [places.results]: shareMount(plan, "results"),
      [places.models]: { ...shareMount(plan, "models"), readOnly: true },
      ...common.mounts,
    },
    serviceAccount: pod.account,
    ...(pod.triedAgain === false ? {} : { retry }),
  };
}

/** What all pods of llmbench's own image have: where they run, as whom, and what is tried again. */
export function commonPod(plan: ClusterRun) {
  const { steps } = plan.cluster;
  return {
    image: steps.image,
    imagePullPolicy: steps.pullPolicy,
    command: ["node", "/app/llmbench.mjs"] as const,
    env: { HOME: "/tmp" },
    mounts: { "/tmp": volume("tmp", { emptyDir: {} }) },
    securityContext: {
      ...restrictedContainer,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
    },
    tolerations: clientTolerations(plan),
    ...(Object.keys(steps.nodeSelector).length === 0 ? {} : { nodeSelector: steps.nodeSelector }),
    affinity: awayFromGpus(plan),
    // What Argo or a node broke is tried again; what the step itself says stands.
    retry: { limit: 2, policy: "OnError" } as const,
  };
}

/** A share, writable as it stands. Folders of one share are two mounts of one volume. */
export function shareMount({ name, cluster: { storage } }: ClusterRun, role: "models" | "results") {
  const { subPath } = storage[role];
  return {
    volume: volume(isOneShare(storage) ? "share" : role, {
      persistentVolumeClaim: { claimName: shareClaim(name, role, storage) },
    }),
    ...(subPath === undefined ? {} : { subPath }),
  };
}

/** What holds for every workflow of a config. */
export function runSpec(plan: ClusterRun) {
  const { cluster } = plan;
  return {
    namespace: cluster.namespace,
    labels: ownedLabels,
    deadline: `${cluster.deadlineSeconds}s`,
    keep: {
      afterSuccess: `${cluster.keepSeconds.succeeded}s`,
      afterFailure: `${cluster.keepSeconds.failed}s`,
    },
    podGC: "OnPodSuccess",
    podLabels: podLabels(plan),
    runLabels: podLabels(plan),
    ...(cluster.imagePullSecrets.length === 0 ? {} : { imagePullSecrets: cluster.imagePullSecrets }),
    podSecurity: {
      runAsNonRoot: true,
      runAsUser: cluster.steps.uid,
      runAsGroup: cluster.steps.gid,
      fsGroup: cluster.steps.gid,
      seccompProfile: { type: "RuntimeDefault" },
    },
    // Argo's own containers get a security context from the controller's configuration alone, which is not ours.
    podSpecPatch: {
      initContainers: [{ name: "init", securityContext: restrictedContainer }],
      containers: [
        {
          name: "wait",
          securityContext: restrictedContainer,
          // How often a step's progress reaches its node: a minute by Argo's own default, longer than many sweeps.
          env: [{ name: "ARGO_PROGRESS_PATCH_TICK_DURATION", value: "10s" }],
        },
        { name: "main", securityContext: restrictedContainer },
      ],
    },
  } as const;
}

/** Labels that the workflow's pods carry beside Argo's own. */
const podLabels = (plan: ClusterRun) => ({ "llmbench.dev/config": configObjectName(plan.name) });

function definedOnly(room: { readonly cpu?: string | undefined; readonly memory?: string | undefined }) {
  return {
    ...(room.cpu === undefined ? {} : { cpu: room.cpu as "100m" }),
    ...(room.memory === undefined ? {} : { memory: room.memory as "256Mi" }),
  };
}

/** Steps run wherever there is room, also on GPU nodes. */
function clientTolerations({ cluster }: ClusterRun) {
  const all = [
    ...Object.values(cluster.pools).flatMap((pool) => pool.tolerations),
    ...cluster.steps.tolerations,
  ];
  return [...new Map(all.map((each) => [JSON.stringify(each), toleration(each)])).values()];
}

function toleration({ key, operator, value, effect }: TolerationPlan) {
  return {
    operator,
    ...(key === undefined ? {} : { key }),
    ...(value === undefined ? {} : { value }),
    ...(effect === undefined ? {} : { effect }),
  };
}

/** Rather not on the nodes of a pool: a client beside a server takes its processor. */
function awayFromGpus({ cluster }: ClusterRun) {
  const rather = (key: string, operator: "NotIn" | "DoesNotExist", values: string[]) => ({
    weight: 100,
    preference: { matchExpressions: [{ key, operator, ...(values.length === 0 ? {} : { values }) }] },
  });
  const pools = Object.values(cluster.pools).flatMap(({ nodeSelector }) => Object.entries(nodeSelector));
  return {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        ...pools.map(([key, value]) => rather(key, "NotIn", [value])),
        rather("nvidia.com/gpu.present", "DoesNotExist", []),
      ],
    },
  };
}
