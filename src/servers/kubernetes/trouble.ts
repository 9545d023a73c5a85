import { describeExit, type Exit } from "../failure.ts";
import { annotations } from "./names.ts";
import type { ClusterEvent, ContainerStatus, Pod } from "./objects.ts";
import { condition, containerStatus, isLive, isRunning, isScheduled } from "./pod-state.ts";

/** Why a pod does not get to serve, and what to do. */
export interface Trouble {
  readonly code: string;
  /** Follows the cell's name: `the image … cannot be pulled: …`. */
  readonly message: string;
  readonly hint: string;
  /** How long it may last before it counts: some of it passes by itself. */
  readonly graceMs: number;
  /** Of which container the last log lines say more. */
  readonly log?: "current" | "previous";
  /** How the process ended, where it did: the log's hint is better then. */
  readonly exit?: Exit;
}

/**
 * A node says that it is well every ten seconds: after an API server was away for a while every node counts as lost
 * until it has.
 */
export const nodeGraceMs = 20_000;

const imageTroubles = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "ImageInspectError",
  "RegistryUnavailable",
  "SignatureValidationFailed",
]);

const refusals = new Set(["CreateContainerConfigError", "CreateContainerError", "RunContainerError"]);

const otherImageHint =
  "Check the engine's image and version in the config; `llmbench engines` lists the versions that are known.";

/** A registry's bad moment. */
const passingPull =
  /timeout|timed out|connection reset|toomanyrequests|too many requests|unexpected EOF|\b(429|50[0234])\b/i;

const mountEvents = new Set(["FailedMount", "FailedAttachVolume", "FailedMapVolume"]);

/** What a pod says of its trouble; undefined while it may still become ready. `restartsBefore` did not count yet. */
export function findTrouble(
  pod: Pod,
  events: readonly ClusterEvent[] = [],
  restartsBefore = 0,
): Trouble | undefined {
  if (condition(pod, "DisruptionTarget")?.reason === "DeletionByTaintManager") {
    return { ...nodeLost(pod), graceMs: 0 };
  }
  if (!isLive(pod)) return ended(pod);
  if (!isScheduled(pod)) return claimMissing(pod);
  const before = toolTrouble(pod);
  if (before !== undefined) return before;
  const status = containerStatus(pod);
  const told = status === undefined ? undefined : containerTrouble(pod, status, events, restartsBefore);
  if (told !== undefined || isRunning(pod)) return told;
  return eventTrouble(events);
}

export function nodeLost(pod: Pod): Trouble {
  const node = pod.spec?.nodeName ?? "of its pod";
  return {
    code: "SERVER_NODE_LOST",
    message: `the node ${node} does not answer any more`,
    hint: `See \`kubectl describe node ${node}\`. Another node takes the server when this step is retried, if one is free.`,
    graceMs: nodeGraceMs,
  };
}

function ended({ status, metadata }: Pod): Trouble | undefined {
  if (metadata?.deletionTimestamp !== undefined || status?.phase !== "Failed") return undefined;
  const { reason = "Failed", message = "no reason is given" } = status;
  return {
    code: "SERVER_EVICTED",
    message: `the node ended its pod (${reason}): ${message}`,
    hint: /memory|ephemeral|disk/i.test(message)
      ? "The node ran short of what the message names: state resources.memory, or give the node a larger disk."
      : "See `kubectl describe node` for what the node is short of; a GPU's device plugin may be down.",
    graceMs: 15_000,
  };
}

function claimMissing(pod: Pod): Trouble | undefined {
  const message = condition(pod, "PodScheduled")?.message ?? "";
  const claim = /persistentvolumeclaim "([^"]+)" not found/.exec(message)?.[1];
  if (claim !== undefined) {
    return {
      code: "SERVER_SHARE_MISSING",
      message: `the claim ${claim} of the models share is not there`,
      hint: "Apply the storage manifests that `llmbench build` writes, or name a claim of this namespace in cluster.storage.models.",
      graceMs: 5000,
    };
  }
  if (!/unbound immediate PersistentVolumeClaims|bound to non-existent persistentvolume/.test(message)) {
    return undefined;
  }
  return {
    code: "SERVER_SHARE_MISSING",
    message: `the claim of the models share has no volume: ${message}`,
    hint: "See `kubectl get pv,pvc`: the volume's name, size, access mode and storage class must be the claim's.",
    graceMs: 60_000,
  };
}

function containerTrouble(
  pod: Pod,
  status: ContainerStatus,
  events: readonly ClusterEvent[],
  restartsBefore: number,
): Trouble | undefined {
  const { state, lastState, restartCount } = status;
  const { reason = "", message = "" } = state?.waiting ?? {};
  if (imageTroubles.has(reason)) return imageTrouble(status.image, reason, message);
  if (refusals.has(reason)) return refused(reason, message);
  const crashed = restartCount > restartsBefore || reason === "CrashLoopBackOff";
  const last = state?.terminated ?? (crashed ? lastState?.terminated : undefined);
  if (last === undefined) {
    if (reason !== "CrashLoopBackOff") return undefined;
    return exited({ code: null, signal: null }, message || reason, pod, events, "previous");
  }
  const log = state?.terminated === undefined ? "previous" : "current";
  if (last.reason === "OOMKilled") return outOfMemory(pod, log);
  if (last.reason === "StartError" || last.reason === "ContainerCannotRun") {
    return refused(last.reason, last.message ?? "the container could not be started");
  }
  return exited({ code: last.exitCode, signal: null }, "", pod, events, log);
}

/** Of the init container that copies a tool: a server whose tool does not come never starts. */
function toolTrouble({ status }: Pod): Trouble | undefined {
  const copier = status?.initContainerStatuses?.[0];
  const { reason = "", message = "" } = copier?.state?.waiting ?? {};
  if (copier !== undefined && imageTroubles.has(reason)) {
    return { ...imageTrouble(copier.image, reason, message), hint: toolImageHint(reason, message) };
  }
  if (refusals.has(reason)) return refused(reason, message);
  const last = copier?.state?.terminated ?? copier?.lastState?.terminated;
  if (last === undefined || last.exitCode === 0) return undefined;
  return {
    code: "SERVER_TOOL_MISSING",
    message: `its profiler could not be copied out of the image ${copier?.image}: ${last.message?.trim() || describeExit({ code: last.exitCode, signal: null })}`,
    hint: "Check profiling.nsys: the image must have its `folder`, and the program `cp`; the node needs disk for the copy.",
    graceMs: 0,
  };
}

function toolImageHint(reason: string, said: string): string {
  const hint = imageHint(reason, said);
  return hint === otherImageHint ? "Check the image of profiling.nsys in the config." : hint;
}

function imageTrouble(image: string, reason: string, message: string): Trouble {
  const said = message || reason;
  return {
    code: "SERVER_IMAGE_UNAVAILABLE",
    message: `the image ${image} cannot be had (${reason}): ${said}`,
    hint: imageHint(reason, said),
    graceMs: passingPull.test(said) && !/not found|denied|unauthorized/i.test(said) ? 90_000 : 0,
  };
}

function imageHint(reason: string, said: string): string {
  if (reason === "ErrImageNeverPull") {
    return "pullPolicy is Never and the image is not on the node: load it there, or take IfNotPresent.";
  }
  if (/unauthorized|denied|forbidden|authentication|no basic auth/i.test(said)) {
    return "The registry wants a login, or has no such image: create a pull secret and name it in cluster.imagePullSecrets (NGC: user $oauthtoken).";
  }
  if (/no such host|connection refused|i\/o timeout|network is unreachable|dial tcp/i.test(said)) {
    return "The node does not reach the registry: check its name, the node's network and proxy, or use a mirror.";
  }
  return otherImageHint;
}

function refused(reason: string, message: string): Trouble {
  const missing = /(secret|configmap) "([^"]+)" not found|couldn't find key (\S+) in Secret (\S+)/i.exec(
    message,
  );
  return {
    code: missing === null ? "SERVER_START_FAILED" : "SERVER_SECRET_MISSING",
    message: `its container cannot be started (${reason}): ${message}`,
    hint:
      missing === null
        ? startHint(message)
        : "Create it in the run's namespace, or correct cluster.secrets: kubectl create secret generic NAME --from-literal=KEY=…",
    graceMs: 0,
  };
}

function startHint(message: string): string {
  if (/runAsNonRoot|run as root|non-numeric user/i.test(message)) {
    return "The image's user is root or has no number: state `user` (uid and gid) for the engine, or that it needs root.";
  }
  if (/executable file not found|no such file or directory/i.test(message)) {
    return "The image has no such program: check the engine's command and image in the config.";
  }
  return "See `kubectl describe pod`; the container's runtime refused what the config asks for.";
}

function outOfMemory(pod: Pod, log: "current" | "previous"): Trouble {
  const limit = pod.spec?.containers[0]?.resources?.limits?.["memory"];
  return {
    code: "SERVER_OUT_OF_MEMORY",
    message:
      limit === undefined
        ? "the node had no memory left for it (OOMKilled)"
        : `it took more than its ${limit} of memory (OOMKilled)`,
    hint: "Raise resources.memory of the engine (folders in memory and /dev/shm count), or lower contextLength or maxConcurrentRequests.",
    graceMs: 0,
    log,
  };
}

function exited(
  exit: Exit,
  said: string,
  pod: Pod,
  events: readonly ClusterEvent[],
  log: "current" | "previous",
): Trouble {
  const killing = events.find(({ reason, message }) => reason === "Killing" && /probe/.test(message ?? ""));
  return {
    code: "SERVER_EXITED",
    message: `the server ${describeExit(exit)}${killing === undefined ? "" : ` after Kubernetes ended it: ${killing.message}`}${said === "" ? "" : `: ${said}`}`,
    hint: `Whole log: ${logCommand(pod, log)}`,
    graceMs: 0,
    log,
    exit,
  };
}

/** A server's pod goes with its teardown; its log is kept on the share, and read from there by the same command. */
function logCommand({ metadata }: Pod, log: "current" | "previous"): string {
  const { [annotations.run]: run, [annotations.cell]: cell } = metadata?.annotations ?? {};
  return run === undefined || cell === undefined
    ? `kubectl logs -n ${metadata?.namespace} ${metadata?.name}${log === "previous" ? " --previous" : ""}`
    : `llmbench logs ${run} -n ${metadata?.namespace} --cell ${cell} --step server`;
}

function eventTrouble(events: readonly ClusterEvent[]): Trouble | undefined {
  const mount = events.findLast(({ reason }) => mountEvents.has(reason ?? ""));
  if (mount !== undefined) {
    return {
      code: "SERVER_MOUNT_FAILED",
      message: `a volume cannot be mounted: ${mount.message}`,
      hint: /models|-share\b/.test(mount.message ?? "")
        ? "Check cluster.storage.models: the server's address and path, that the node reaches it (NFS: TCP 2049 and 111), and that its client package is installed."
        : "See `kubectl describe pod`.",
      graceMs: 20_000,
    };
  }
  const sandbox = events.findLast(({ reason }) => reason === "FailedCreatePodSandBox");
  if (sandbox === undefined) return undefined;
  return {
    code: "SERVER_START_FAILED",
    message: `the node cannot make its pod: ${sandbox.message}`,
    hint: /RuntimeHandler|runtime handler/i.test(sandbox.message ?? "")
      ? "The node lacks the pool's runtimeClass: install the NVIDIA container toolkit, or leave runtimeClass out."
      : "The node's network or container runtime is not well: see `kubectl describe node`.",
    graceMs: 30_000,
  };
}
