import { configObjectName } from "../servers/kubernetes-names.ts";
import type { ClusterPlan, SharePlan } from "./cluster-plan.ts";

type Storage = ClusterPlan["storage"];

/**
 * Whether models and results are folders of one share. A pod that mounts one CSI volume by two claims, or one claim by two
 * volumes, waits for the second without end (kubernetes #132921): both are then mounted by one volume of one claim.
 */
export function isOneShare({ models, results }: Storage): boolean {
  return placeOf(models) === placeOf(results);
}

/** The claim through which pods mount a share: the one that is there, or the one that the config's storage makes. */
export function shareClaim(config: string, role: keyof Storage, storage: Storage): string {
  const share = storage[role];
  if (share.kind === "claim") return share.claim;
  return configObjectName(config, isOneShare(storage) ? "share" : role);
}

/** What tells shares apart, whichever folder of them is used. */
function placeOf(share: SharePlan): string {
  if (share.kind === "claim") return `claim ${share.claim}`;
  if (share.kind === "host-path") return `host-path ${share.path}`;
  return share.kind === "nfs"
    ? JSON.stringify(["nfs", share.server, share.path, share.mountOptions])
    : JSON.stringify(["oci-fss", share.fileSystem, share.mountTarget, share.exportPath]);
}
