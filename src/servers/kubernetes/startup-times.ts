import type { Startup } from "../../results/schema/server.ts";
import type { ClusterEvent, Pod } from "./objects.ts";
import { condition, containerStatus, createdMs } from "./pod-state.ts";

/** A first pod is made within this time of the Deployment; a later one starts the clock anew. */
const firstPodMs = 30_000;

/**
 * When the phases of a pod's start ended, as Kubernetes stamped them: in whole seconds, cut off. Where we saw the phase
 * end within that second, our own time is closer. Times are ms since the epoch, by `now` of the same clock.
 */
export class StartupTimes {
  readonly #deployedAtMs: number;
  readonly #seenMs = new Map<string, number>();
  #scheduled: number | undefined;
  #pulled: number | undefined;
  #started: number | undefined;
  #origin: number | undefined;

  constructor(deployedAtMs: number) {
    this.#deployedAtMs = deployedAtMs;
  }

  /** Of the pod that is looked at now; another pod than before begins anew. */
  see(pod: Pod, events: readonly ClusterEvent[], nowMs: number): void {
    const created = createdMs(pod);
    const status = containerStatus(pod);
    const restartedAt = status?.restartCount ? status.lastState?.terminated?.finishedAt : undefined;
    const first = created - this.#deployedAtMs < firstPodMs;
    this.#origin = restartedAt === undefined ? (first ? this.#deployedAtMs : created) : parse(restartedAt);
    const restarted = restartedAt !== undefined;
    const scheduled = condition(pod, "PodScheduled");
    const pulled = events.findLast(({ reason }) => reason === "Pulled");
    this.#scheduled =
      restarted || scheduled?.status !== "True"
        ? undefined
        : this.#refine(`${pod.metadata?.uid} scheduled`, parse(scheduled.lastTransitionTime), nowMs);
    this.#pulled =
      restarted || pulled === undefined
        ? undefined
        : this.#refine(
            `${pod.metadata?.uid} pulled`,
            parse(pulled.eventTime ?? pulled.lastTimestamp ?? pulled.firstTimestamp),
            nowMs,
          );
    const startedAt = status?.state?.running?.startedAt;
    this.#started =
      startedAt === undefined
        ? undefined
        : this.#refine(`${pod.metadata?.uid} ${status?.containerID}`, parse(startedAt), nowMs);
  }

  /** Milliseconds since the deployment began. */
  since(atMs: number): number {
    return Math.max(0, atMs - (this.#origin ?? this.#deployedAtMs));
  }

  get phases(): Pick<Startup, "scheduledMs" | "pulledMs" | "startedMs"> {
    const of = (atMs: number | undefined) => (atMs === undefined ? null : this.since(atMs));
    const [scheduledMs, pulledMs, startedMs] = [of(this.#scheduled), of(this.#pulled), of(this.#started)];
    return {
      scheduledMs,
      // A stamp of a later phase in the same second may be the earlier one.
      pulledMs: pulledMs === null ? null : Math.max(pulledMs, scheduledMs ?? 0),
      startedMs: startedMs === null ? null : Math.max(startedMs, pulledMs ?? 0, scheduledMs ?? 0),
    };
  }

  /** When Kubernetes' own probe first passed, ms since the deployment began. */
  readyMs(pod: Pod): number | null {
    const stamp = condition(pod, "Ready")?.lastTransitionTime;
    return stamp === undefined ? null : this.since(parse(stamp));
  }

  #refine(key: string, stampMs: number, nowMs: number): number {
    const seen = this.#seenMs.get(key) ?? nowMs;
    this.#seenMs.set(key, seen);
    return Math.min(Math.max(seen, stampMs), stampMs + 999);
  }
}

function parse(stamp: string | undefined): number {
  return Date.parse(stamp ?? "") || 0;
}
