import { annotations } from "./names.ts";
import type { ContainerStatus, Pod } from "./objects.ts";

/** The server's container, once the node knows of it. */
export function containerStatus({ status }: Pod): ContainerStatus | undefined {
  return status?.containerStatuses?.[0];
}

export function condition(pod: Pod, type: string) {
  return pod.status?.conditions?.find((one) => one.type === type);
}

/** Changes with every new pod and, inside a pod, with every new process. */
export function instanceOf(pod: Pod): string {
  const restarts = containerStatus(pod)?.restartCount ?? 0;
  return `${pod.metadata?.uid}${restarts === 0 ? "" : `+${restarts}`}`;
}

/** Neither ended nor asked to end. */
export function isLive({ metadata, status }: Pod): boolean {
  const over = status?.phase === "Failed" || status?.phase === "Succeeded";
  return metadata?.deletionTimestamp === undefined && !over;
}

export function isScheduled(pod: Pod): boolean {
  return Boolean(pod.spec?.nodeName);
}

export function isRunning(pod: Pod): boolean {
  return isLive(pod) && containerStatus(pod)?.state?.running !== undefined;
}

/** Which of a cell's pods is its server: the newest that lives, else the newest. */
export function currentPod(pods: readonly Pod[], specHash?: string): Pod | undefined {
  const own = pods.filter(
    ({ metadata }) => specHash === undefined || metadata?.annotations?.[annotations.specHash] === specHash,
  );
  const live = own.filter(isLive);
  return [...(live.length > 0 ? live : own)].sort((a, b) => createdMs(b) - createdMs(a))[0];
}

export function createdMs({ metadata }: Pod): number {
  return Date.parse(metadata?.creationTimestamp ?? "") || 0;
}

/** `sha256:…` of the image that runs, as the container runtime reports it. */
export function imageDigest(pod: Pod): string | undefined {
  return /sha256:[0-9a-f]{64}/.exec(containerStatus(pod)?.imageID ?? "")?.[0];
}
