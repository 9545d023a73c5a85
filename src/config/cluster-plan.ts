import { z } from "zod";

/** The cluster's part of a plan: where servers and steps run and where their files lie. Kubernetes' own terms. */

/** Words that start llmbench in the image of the steps: images/step puts the bundle there. */
export const STEP_COMMAND: readonly string[] = ["node", "/app/llmbench.mjs"];
/** Where servers and steps see the models share, read-only. */
export const MODELS_MOUNT = "/models";

export const TolerationPlan = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(["Exists", "Equal"]),
  value: z.string().optional(),
  effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]).optional(),
});
export type TolerationPlan = z.infer<typeof TolerationPlan>;

/** Nodes of one kind of hardware. A cell runs in one pool; its name stands in results as the hardware. */
export const PoolPlan = z.strictObject({
  nodeSelector: z.record(z.string(), z.string()),
  tolerations: z.array(TolerationPlan),
  /** Container runtime for GPUs, where the cluster has one of its own (`nvidia`). */
  runtimeClass: z.string().optional(),
  /** Extended resource that one GPU is. */
  gpuResource: z.string(),
  /** Servers of this pool that may be up at once: the limit of its semaphore. */
  servers: z.number().int().positive(),
});
export type PoolPlan = z.infer<typeof PoolPlan>;

/** A folder that every node sees. `subPath` is below its root. */
export const SharePlan = z.discriminatedUnion("kind", [
  /** A PersistentVolumeClaim that is there already. */
  z.strictObject({ kind: z.literal("claim"), claim: z.string(), subPath: z.string().optional() }),
  z.strictObject({
    kind: z.literal("nfs"),
    server: z.string(),
    path: z.string(),
    mountOptions: z.array(z.string()),
    capacity: z.string(),
    subPath: z.string().optional(),
  }),
  /** OCI File Storage by its CSI driver: OCIDs and the mount target's address. */
  z.strictObject({
    kind: z.literal("oci-fss"),
    fileSystem: z.string(),
    mountTarget: z.string(),
    exportPath: z.string(),
    encryptInTransit: z.boolean(),
    capacity: z.string(),
    subPath: z.string().optional(),
  }),
  /** A folder of the nodes themselves: one machine, or a share that is mounted on every node already. */
  z.strictObject({
    kind: z.literal("host-path"),
    path: z.string(),
    capacity: z.string(),
    subPath: z.string().optional(),
  }),
]);
export type SharePlan = z.infer<typeof SharePlan>;

const ResourcesPlan = z.strictObject({
  /** Kubernetes quantities: `4`, `500m`, `16Gi`. */
  cpu: z.string().optional(),
  memory: z.string().optional(),
});
type ResourcesPlan = z.infer<typeof ResourcesPlan>;

export const ClusterPlan = z.strictObject({
  namespace: z.string(),
  pools: z.record(z.string(), PoolPlan),
  /** Servers that one node may hold, over all namespaces; more than one makes every point suspect. */
  serversPerNode: z.number().int().positive(),
  storage: z.strictObject({
    /** Mounted read-only in servers; the workflow `models` writes it. */
    models: SharePlan,
    results: SharePlan,
  }),
  /** Containers of the steps. */
  steps: z.strictObject({
    image: z.string(),
    pullPolicy: z.enum(["Always", "IfNotPresent", "Never"]),
    /** User and group that steps run as; the results share must be writable for them. */
    uid: z.number().int().nonnegative(),
    gid: z.number().int().nonnegative(),
    /** Of the load generator; other steps ask for little. */
    clientResources: ResourcesPlan,
    /** Where the load generator may run besides nodes without a GPU, which it prefers. */
    nodeSelector: z.record(z.string(), z.string()),
    tolerations: z.array(TolerationPlan),
  }),
  imagePullSecrets: z.array(z.string()),
  /** Secret variables of servers, by name: the Kubernetes Secret and key that hold the value. */
  secrets: z.record(z.string(), z.strictObject({ name: z.string(), key: z.string() })),
  /** How models are brought from their hub; absent in plans of before there was one. */
  hub: z
    .strictObject({
      env: z.record(z.string(), z.string()),
      /** Names of `env` entries that come from a Kubernetes Secret. */
      secretEnv: z.array(z.string()),
      /** Models that are fetched at a time. */
      atOnce: z.number().int().positive(),
    })
    .optional(),
  /** One ClusterRole (read nodes, list pods) so that neighbours of other namespaces are seen. */
  lookBeyondNamespace: z.boolean(),
  /** Steps may run commands in their servers' containers, to read CPU time and memory there; absent in older records. */
  readServerUsage: z.boolean().optional(),
  networkPolicy: z.boolean(),
  /** The report goes to Argo's artifact repository: the one named here, else the one that Argo takes by itself. */
  artifacts: z.strictObject({ configMap: z.string().optional(), key: z.string().optional() }).optional(),
  /** Longest a whole run may take, seconds. */
  deadlineSeconds: z.number().int().positive(),
  /** Finished workflows are deleted after, seconds; their results stay on the share. */
  keepSeconds: z.strictObject({ succeeded: z.number().int(), failed: z.number().int() }),
});
export type ClusterPlan = z.infer<typeof ClusterPlan>;

/** Which Secret each secret variable comes from: `${NAME}` in a plan is a key of the cluster's secrets. */
export function secretsOf(
  {
    env,
    secretEnv,
  }: { readonly env: Readonly<Record<string, string>>; readonly secretEnv: readonly string[] },
  { secrets }: Pick<ClusterPlan, "secrets">,
): ClusterPlan["secrets"] {
  return Object.fromEntries(
    secretEnv.map((name) => {
      const key = /^\$\{(\w+)\}$/.exec(env[name] ?? "")?.[1] ?? name;
      const secret = secrets[key];
      if (secret === undefined) throw new RangeError(`cluster.secrets has no ${key}`);
      return [name, secret];
    }),
  );
}

/** A server in a container of the cluster: an engine's own, or the simulator in its place. Its model is at `folder` of the cell's model. */
export const KubernetesServerFields = {
  kind: z.literal("kubernetes"),
  /** Key of the cluster's `pools`. */
  pool: z.string(),
  image: z.string(),
  pullPolicy: z.enum(["Always", "IfNotPresent", "Never"]),
  /** In place of the image's own entry point. */
  command: z.array(z.string()).min(1).optional(),
  args: z.array(z.string()),
  env: z.record(z.string(), z.string()),
  /** Names of `env` entries that come from a Kubernetes Secret (`cluster.secrets`). */
  secretEnv: z.array(z.string()),
  resources: z.strictObject({
    gpus: z.number().int().nonnegative(),
    cpu: z.string().optional(),
    memory: z.string().optional(),
    /** Size of /dev/shm. */
    sharedMemory: z.string().optional(),
  }),
  /** Absent: the image's own user, which is root. */
  user: z.strictObject({ uid: z.number().int(), gid: z.number().int() }).optional(),
  startTimeoutSeconds: z.number().positive(),
  stopTimeoutSeconds: z.number().positive(),
};

/** Nsight Systems on a second deployment of the same server, after the sweep. */
export const ProfilingPlan = z.strictObject({
  tool: z.literal("nsys"),
  /** Where nsys comes from: on the machine's or image's PATH, a folder of the models share, or an image whose /nsys is copied in. */
  source: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("path") }),
    z.strictObject({ kind: z.literal("share"), folder: z.string() }),
    z.strictObject({ kind: z.literal("image"), image: z.string(), folder: z.string() }),
  ]),
  trace: z.array(z.string()).min(1),
  /** The load while it records. */
  concurrency: z.number().int().positive(),
  outputTokens: z.number().int().positive(),
  requests: z.number().int().positive(),
  /** A report without CUDA data is no failure (no GPU, as in tests). */
  allowNoCuda: z.boolean(),
});
export type ProfilingPlan = z.infer<typeof ProfilingPlan>;

export const SchedulePlan = z.strictObject({
  /** Five fields, as cron has them. */
  cron: z.string(),
  /** IANA name. */
  timeZone: z.string(),
  suspend: z.boolean(),
  keepSucceeded: z.number().int().nonnegative(),
  keepFailed: z.number().int().positive(),
});
export type SchedulePlan = z.infer<typeof SchedulePlan>;
