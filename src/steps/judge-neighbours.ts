import type { Reason } from "../results/schema/verdict.ts";
import type { Neighbours } from "../servers/server.ts";

/** Who else was on the server's node of a cluster, or was allowed to be; undefined where that was not looked at. */
export function judgeNeighbours(found: Neighbours | undefined, serversPerNode = 1): Reason[] {
  const reasons: Reason[] = [];
  if (found === undefined) {
    reasons.push({
      code: "neighbours-unknown",
      status: "note",
      text: "Other pods on the server's node were not looked at: the steps may only see their own namespace.",
    });
  } else if (found.gpuPods.length > 0) {
    reasons.push({
      code: "neighbour",
      status: "suspect",
      text: `Other pods held GPUs on the server's node: ${found.gpuPods.join(", ")}. They share its processor, memory and power.`,
      value: found.gpuPods.length,
      curable: true,
    });
  }
  if (serversPerNode > 1) {
    reasons.push({
      code: "shared-node",
      status: "suspect",
      text: `The config lets ${serversPerNode} servers share a node (cluster.serversPerNode), so others may have run beside this one.`,
      value: serversPerNode,
      curable: false,
    });
  }
  return reasons;
}
