import type {
  ClusterPlan,
  PoolPlan,
  ProfilingPlan,
  SchedulePlan,
  SharePlan,
  TolerationPlan,
} from "./cluster-plan.ts";
import type { ClusterConfig, ShareConfig, TolerationConfig } from "./cluster-schema.ts";
import { CLUSTER_DEFAULTS, HUB_DEFAULTS, PROFILING_DEFAULTS, SCHEDULE_DEFAULTS } from "./defaults.ts";
import { defined } from "./defined.ts";
import { durationMs } from "./duration.ts";
import type { ProfileConfig, ScheduleConfig } from "./profiling-schema.ts";
import { resolveEnv } from "./resolve-server.ts";
import type { Config } from "./schema.ts";

/** A checked `cluster` section with every default filled in. */
export function resolveCluster(cluster: ClusterConfig, lockedImage: string | undefined): ClusterPlan {
  const pools = Object.fromEntries(
    Object.entries(cluster.pools).map(([name, pool]) => [name, resolvePool(pool ?? {})]),
  );
  const { keep } = cluster;
  const steps = cluster.steps ?? {};
  const image = steps.image ?? lockedImage;
  if (image === undefined) throw new RangeError("a cluster without an image of the steps was let through");
  const uid = steps.uid ?? CLUSTER_DEFAULTS.uid;
  return {
    namespace: cluster.namespace ?? CLUSTER_DEFAULTS.namespace,
    pools,
    serversPerNode: cluster.serversPerNode ?? CLUSTER_DEFAULTS.serversPerNode,
    storage: {
      models: resolveShare(cluster.storage.models),
      results: resolveShare(cluster.storage.results),
    },
    steps: {
      image,
      pullPolicy: steps.pullPolicy ?? "IfNotPresent",
      uid,
      gid: steps.gid ?? uid,
      clientResources: {
        cpu: String(steps.client?.cpu ?? CLUSTER_DEFAULTS.client.cpu),
        memory: steps.client?.memory ?? CLUSTER_DEFAULTS.client.memory,
      },
      nodeSelector: steps.nodeSelector ?? {},
      tolerations:
        steps.tolerations?.map((one) => resolveToleration(one)) ??
        distinct(Object.values(pools).flatMap((pool) => pool.tolerations)),
    },
    imagePullSecrets: cluster.imagePullSecrets ?? [],
    secrets: Object.fromEntries(
      Object.entries(cluster.secrets ?? {}).map(([id, { name, key }]) => [id, { name, key: key ?? id }]),
    ),
    hub: { ...resolveEnv(cluster.hub ?? {}), atOnce: cluster.hub?.atOnce ?? HUB_DEFAULTS.atOnce },
    ...(cluster.readServerUsage === true ? { readServerUsage: true } : {}),
    lookBeyondNamespace: cluster.lookBeyondNamespace ?? CLUSTER_DEFAULTS.lookBeyondNamespace,
    networkPolicy: cluster.networkPolicy ?? CLUSTER_DEFAULTS.networkPolicy,
    ...resolveArtifacts(cluster.artifacts ?? CLUSTER_DEFAULTS.artifacts),
    deadlineSeconds: seconds(cluster.deadline ?? CLUSTER_DEFAULTS.deadline),
    keepSeconds: {
      succeeded: seconds(keep?.succeeded ?? CLUSTER_DEFAULTS.keep.succeeded),
      failed: seconds(keep?.failed ?? CLUSTER_DEFAULTS.keep.failed),
    },
  };
}

function resolveArtifacts(
  artifacts: NonNullable<ClusterConfig["artifacts"]>,
): Pick<ClusterPlan, "artifacts"> {
  if (artifacts === "off") return {};
  return { artifacts: artifacts === "on" ? {} : defined(artifacts) };
}

function resolvePool(pool: NonNullable<ClusterConfig["pools"][string]>): PoolPlan {
  const gpuResource = pool.gpuResource ?? CLUSTER_DEFAULTS.gpuResource;
  return {
    nodeSelector: pool.nodeSelector ?? {},
    tolerations: pool.tolerations?.map((one) => resolveToleration(one)) ?? [
      { key: gpuResource, operator: "Exists", effect: "NoSchedule" },
    ],
    ...(pool.runtimeClass !== undefined && { runtimeClass: pool.runtimeClass }),
    gpuResource,
    servers: pool.servers ?? CLUSTER_DEFAULTS.servers,
  };
}

function resolveToleration(one: TolerationConfig): TolerationPlan {
  return defined({ ...one, operator: one.operator ?? (one.value === undefined ? "Exists" : "Equal") });
}

function resolveShare(share: ShareConfig): SharePlan {
  const { claim, nfs, ociFss, hostPath, folder } = share;
  const below = folder === undefined ? {} : { subPath: folder };
  if (claim !== undefined) return { kind: "claim", claim, ...below };
  const capacity = share.capacity ?? CLUSTER_DEFAULTS.capacity;
  const place = nfs === undefined ? undefined : splitNfs(nfs);
  if (place !== undefined)
    return { kind: "nfs", ...place, mountOptions: share.mountOptions ?? [], capacity, ...below };
  if (ociFss) {
    const { export: exportPath, encryptInTransit = false, ...addresses } = ociFss;
    return { kind: "oci-fss", ...addresses, exportPath, encryptInTransit, capacity, ...below };
  }
  if (hostPath !== undefined) return { kind: "host-path", path: hostPath, capacity, ...below };
  throw new RangeError("a share without a place was let through");
}

/** `server:/path`, as mount has it; an IPv6 address is in brackets. Undefined for anything else. */
export function splitNfs(text: string): { server: string; path: string } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]]+)):(\/\S*)$/.exec(text);
  const server = match?.[1] ?? match?.[2];
  return server === undefined ? undefined : { server, path: match?.[3] ?? "/" };
}

/** Undefined: no profile. */
export function resolveProfiling(profiling: Config["profiling"]): ProfilingPlan | undefined {
  if (profiling === undefined || profiling === "off") return undefined;
  const { nsys, ...given }: ProfileConfig = profiling === "on" ? {} : profiling;
  const { imageFolder, ...defaults } = PROFILING_DEFAULTS;
  return { tool: "nsys", source: sourceOf(nsys ?? {}, imageFolder), ...defaults, ...defined(given) };
}

function sourceOf(nsys: NonNullable<ProfileConfig["nsys"]>, imageFolder: string): ProfilingPlan["source"] {
  if (nsys.share !== undefined) return { kind: "share", folder: nsys.share };
  if (nsys.image !== undefined)
    return { kind: "image", image: nsys.image, folder: nsys.folder ?? imageFolder };
  return { kind: "path" };
}

export function resolveSchedule(schedule: ScheduleConfig): SchedulePlan {
  return { ...SCHEDULE_DEFAULTS, ...defined(schedule) };
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

function seconds(duration: string): number {
  return Math.ceil(durationMs(duration) / 1_000);
}
