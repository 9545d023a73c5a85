import type { SharePlan } from "../src/config/cluster-plan.ts";
import { isOneShare, shareClaim } from "../src/config/share-claims.ts";
import type { KubernetesObject } from "./config-map.ts";
import { type ClusterRun, ownedLabels } from "./names.ts";

/**
 * PersistentVolumes and claims of the shares, one where both are folders of the same; nothing for a share whose claim is
 * there already.
 */
export function storage(plan: ClusterRun): KubernetesObject[] {
  const shares = plan.cluster.storage;
  const roles = isOneShare(shares) ? (["models"] as const) : (["models", "results"] as const);
  return roles.flatMap((role) => {
    const share = shares[role];
    return share.kind === "claim" ? [] : volumeAndClaim(plan, role, share);
  });
}

type OwnShare = Exclude<SharePlan, { kind: "claim" }>;

function volumeAndClaim(plan: ClusterRun, role: "models" | "results", share: OwnShare): KubernetesObject[] {
  const { namespace } = plan.cluster;
  const claim = shareClaim(plan.name, role, plan.cluster.storage);
  // PersistentVolumes are the cluster's, not the namespace's.
  const volume = `${namespace}-${claim}`;
  const labels = { ...ownedLabels };
  return [
    {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: volume, labels },
      spec: {
        capacity: { storage: share.capacity },
        accessModes: ["ReadWriteMany"],
        // What was measured outlives the claim.
        persistentVolumeReclaimPolicy: "Retain",
        storageClassName: "",
        claimRef: { namespace, name: claim },
        ...source(share),
      },
    },
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: claim, namespace, labels },
      spec: {
        accessModes: ["ReadWriteMany"],
        storageClassName: "",
        volumeName: volume,
        resources: { requests: { storage: share.capacity } },
      },
    },
  ];
}

function source(share: OwnShare): Readonly<Record<string, unknown>> {
  if (share.kind === "host-path") return { hostPath: { path: share.path, type: "Directory" } };
  if (share.kind === "nfs") {
    return {
      nfs: { server: share.server, path: share.path },
      ...(share.mountOptions.length === 0 ? {} : { mountOptions: share.mountOptions }),
    };
  }
  return {
    csi: {
      driver: "fss.csi.oraclecloud.com",
      // The driver splits at the first and the last colon.
      volumeHandle: `${share.fileSystem}:${share.mountTarget}:${share.exportPath}`,
      volumeAttributes: { encryptInTransit: String(share.encryptInTransit) },
    },
  };
}
