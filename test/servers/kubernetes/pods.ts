import type { ClusterEvent, Pod } from "../../../src/servers/kubernetes/objects.ts";

/** A pod as the API server shows it: on a node unless `node` is null, its container as said. */
export function makePod(
  change: {
    readonly node?: string | null;
    readonly container?: object;
    readonly status?: object;
    readonly metadata?: object;
    readonly unscheduled?: string;
  } = {},
): Pod {
  const { node = "gpu-1", container, status = {}, metadata = {}, unscheduled } = change;
  return {
    metadata: { name: "server-abc", namespace: "bench", uid: "uid-1", ...metadata },
    spec: { ...(node === null ? {} : { nodeName: node }), containers: [{ name: "server" }] },
    status: {
      phase: "Pending",
      conditions: [
        unscheduled === undefined
          ? { type: "PodScheduled", status: "True", lastTransitionTime: "2026-11-24T12:00:02Z" }
          : { type: "PodScheduled", status: "False", reason: "Unschedulable", message: unscheduled },
      ],
      ...(container === undefined
        ? {}
        : {
            containerStatuses: [
              { name: "server", image: "vllm:1", imageID: "", ready: false, restartCount: 0, ...container },
            ],
          }),
      ...status,
    },
  };
}

export function waiting(reason: string, message = ""): object {
  return { state: { waiting: { reason, message } } };
}

export function event(reason: string, message: string): ClusterEvent {
  return { reason, message, metadata: {}, involvedObject: {} };
}
