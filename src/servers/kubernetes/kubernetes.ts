import { setTimeout as sleep } from "node:timers/promises";
import { LlmbenchError } from "../../error.ts";
import type { Startup } from "../../results/schema/server.ts";
import { describeExit } from "../failure.ts";
import { labelValue } from "../kubernetes-names.ts";
import { lastLines } from "../log-tail.ts";
import type { ServerKey } from "../registry.ts";
import type {
  ClusterBackend,
  ExecOptions,
  ExecResult,
  KnownInstance,
  Neighbours,
  Orphan,
  RunningServer,
  ServerSpec,
  ServerState,
  UsageLook,
} from "../server.ts";
import type { ApiClient } from "./api-client.ts";
import { execInPod } from "./exec.ts";
import { type ManifestOptions, makeManifests, serverUrl } from "./manifests.ts";
import { annotations, labels, serverLabels, serverName } from "./names.ts";
import { neighboursOf } from "./neighbours.ts";
import type { Deployment, Pod } from "./objects.ts";
import { whyOrphan } from "./orphans.ts";
import { whyNoPod } from "./pod-missing.ts";
import {
  containerStatus,
  currentPod,
  imageDigest,
  instanceOf,
  isLive,
  isRunning,
  isScheduled,
} from "./pod-state.ts";
import { askUsage, usageCommand } from "./pod-usage.ts";
import { PodWait, waitAborted } from "./pod-wait.ts";
import { removeServer } from "./remove.ts";
import { podUid, whyReplaced } from "./replaced.ts";
import { Resources } from "./resources.ts";
import { findTrouble } from "./trouble.ts";

export interface KubernetesBackendOptions extends Omit<ManifestOptions, "deployedAtMs"> {
  /** Connected when it is first needed. */
  readonly client: () => Promise<ApiClient>;
  /** Longest wait for a node that others hold, seconds: two hours where none is given. */
  readonly turnTimeoutSeconds?: number;
  /** Whether this process' account may run commands beside servers (`pods/exec`), to read what they take of their node. */
  readonly mayReadUsage?: boolean;
  /** Told what a cell's server waits for, each time that changes. */
  readonly report?: (key: ServerKey, text: string) => void;
  /** Wall clock that never goes back, ms since the epoch. */
  readonly nowMs?: () => number;
}

/** Kubernetes makes a pod within milliseconds; a quota or a policy may hold it back. */
const podWithinMs = 60_000;

/** Servers as Deployments of a cluster, each with a Service, each gone with its workflow at the latest. */
export class KubernetesBackend implements ClusterBackend {
  readonly kind = "kubernetes";
  readonly #options: KubernetesBackendOptions;
  readonly #nowMs: () => number;
  readonly #queues = new Map<string, Promise<unknown>>();
  #connected: Promise<Resources> | undefined;

  constructor(options: KubernetesBackendOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.timeOrigin + performance.now());
  }

  /** Applies the Deployment and the Service; another spec's server is removed first, one that failed begins again. */
  async ensure(spec: ServerSpec): Promise<RunningServer> {
    const resources = await this.#resources();
    return await this.#oneAtATime(spec, async () => {
      let before = await resources.deployment(serverName(spec));
      if (before !== undefined && !isOf(before, spec)) {
        await removeServer(resources, spec);
        before = undefined;
      }
      const deployedAtMs = deployedAt(before) ?? this.#nowMs();
      const { deployment, service } = makeManifests(spec, { ...this.#options, deployedAtMs });
      await resources.applyService(service);
      await resources.applyDeployment(deployment);
      let pod = await this.#untilPod(resources, spec);
      if (before !== undefined && findTrouble(pod) !== undefined) {
        await resources.deletePod(pod);
        pod = await this.#untilPod(resources, spec, pod);
      }
      return this.#running(pod, spec);
    });
  }

  async waitReady(
    spec: ServerSpec,
    complete: (server: RunningServer, signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<{ server: RunningServer; startup: Startup }> {
    const resources = await this.#resources();
    const deployment = await resources.deployment(serverName(spec), signal).catch((error: unknown) => {
      throw signal.aborted ? waitAborted(spec) : error;
    });
    if (deployment === undefined) await this.ensure(spec);
    const wait = new PodWait(spec, resources, {
      url: serverUrl(spec, resources.namespace),
      deployedAtMs: deployedAt(deployment) ?? this.#nowMs(),
      turnTimeoutSeconds: this.#options.turnTimeoutSeconds ?? 7200,
      nowMs: this.#nowMs,
      report: (text) => this.#options.report?.(spec, text),
    });
    return await wait.untilReady(complete, signal);
  }

  async inspect(key: ServerKey, known?: KnownInstance): Promise<ServerState> {
    const resources = await this.#resources();
    const pods = await resources.pods(serverLabels(key));
    const pod = currentPod(pods);
    if (pod === undefined) return { running: false, restarts: 0, ...(await this.#whyNone(resources, key)) };
    const node = pod.spec?.nodeName;
    const digest = imageDigest(pod);
    const lost = node !== undefined && (await resources.isNodeLost(node)) === true;
    const state = {
      instance: instanceOf(pod),
      restarts: containerStatus(pod)?.restartCount ?? 0,
      ...(node === undefined ? {} : { node }),
      ...(digest === undefined ? {} : { imageDigest: digest }),
    };
    if (isRunning(pod) && !lost) return { ...state, ...restartedAfter(pod), running: true };
    if (lost) return { ...state, running: false, reason: `node ${node} does not answer` };
    if (known !== undefined && podUid(known.instance) !== pod.metadata?.uid)
      return { ...state, running: false, ...(await whyReplaced(resources, pods, known)) };
    // One that is being deleted says nothing of itself: what took it away does.
    const why =
      pod.metadata?.deletionTimestamp === undefined
        ? await this.#whyNotRunning(resources, pod)
        : await this.#whyEnding(resources, key, pods, known);
    return { ...state, running: false, ...why };
  }

  async logs(key: ServerKey, lines: number): Promise<readonly string[]> {
    const resources = await this.#resources();
    const pod = currentPod(await resources.pods(serverLabels(key)));
    if (pod === undefined) return [];
    const now = lastLines(await resources.log(pod, { lines, previous: false }), lines);
    if (now.length >= lines || !containerStatus(pod)?.restartCount) return now;
    // It was started again: what its predecessor said last comes first.
    const before = lastLines(await resources.log(pod, { lines, previous: true }), lines - now.length);
    return [...before, ...now];
  }

  async exec(key: ServerKey, words: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const resources = await this.#resources();
    const pod = currentPod(await resources.pods(serverLabels(key)));
    if (pod === undefined || !isRunning(pod)) throw notUp(key);
    return await execInPod(resources, pod, words, options);
  }

  async lookAtUsage(key: ServerKey): Promise<UsageLook> {
    const close = () => {};
    if (this.#options.mayReadUsage !== true) return { unread: "cluster.readServerUsage is not set", close };
    try {
      const resources = await this.#resources();
      const pod = currentPod(await resources.pods(serverLabels(key)));
      if (pod === undefined || !isRunning(pod)) return { unread: "it is not up", close };
      return await askUsage(async (streams) => await execInPod(resources, pod, usageCommand(), streams));
    } catch (error) {
      return { unread: error instanceof Error ? error.message : String(error), close };
    }
  }

  async remove(key: ServerKey): Promise<void> {
    const resources = await this.#resources();
    await this.#oneAtATime(key, async () => await removeServer(resources, key));
  }

  async list(runId?: string): Promise<readonly { runId: string; cellId: string; server: RunningServer }[]> {
    const resources = await this.#resources();
    const chosen = runId === undefined ? {} : { [labels.run]: labelValue(runId) };
    return (await resources.deployments(chosen)).map((deployment) => ({
      ...keyOf(deployment),
      server: {
        instance: deployment.metadata?.uid ?? "",
        url: `http://${deployment.metadata?.name}.${resources.namespace}.svc:${portOf(deployment)}`,
      },
    }));
  }

  async neighbours(key: ServerKey): Promise<Neighbours | undefined> {
    const resources = await this.#resources();
    const pod = currentPod(await resources.pods(serverLabels(key)));
    if (pod?.spec?.nodeName === undefined) return undefined;
    const pods = await resources.podsOnNode(pod.spec.nodeName);
    return pods === undefined ? undefined : neighboursOf(pod, pods);
  }

  async removeOrphans(): Promise<readonly Orphan[]> {
    const resources = await this.#resources();
    const removed: Orphan[] = [];
    for (const deployment of await resources.deployments()) {
      const reason = await whyOrphan(resources, deployment);
      if (reason !== undefined) removed.push({ ...keyOf(deployment), reason });
    }
    await Promise.all(removed.map(async (orphan) => await this.remove(orphan)));
    return removed;
  }

  /** The pod of this spec, once there is one; of two, another than `not`. */
  async #untilPod(resources: Resources, spec: ServerSpec, not?: Pod): Promise<Pod> {
    const begun = performance.now();
    for (let wait = 50; ; wait = Math.min(wait * 1.5, 1000)) {
      const pods = await resources.pods(serverLabels(spec));
      const pod = currentPod(
        pods.filter(({ metadata }) => metadata?.uid !== not?.metadata?.uid),
        spec.specHash,
      );
      if (pod !== undefined && isLive(pod)) return pod;
      const trouble = await whyNoPod(resources, serverName(spec));
      const waitedMs = performance.now() - begun;
      if (trouble !== undefined && waitedMs > Math.min(trouble.graceMs, podWithinMs)) {
        throw new LlmbenchError(trouble.code, `${spec.cellId}: ${trouble.message}.`, { hint: trouble.hint });
      }
      if (waitedMs > podWithinMs + spec.stopTimeoutSeconds * 1000) throw noPod(spec);
      await sleep(wait);
    }
  }

  #running(pod: Pod, spec: ServerSpec): RunningServer {
    return { instance: instanceOf(pod), url: serverUrl(spec, this.#options.namespace) };
  }

  async #whyNone(resources: Resources, key: ServerKey): Promise<Pick<ServerState, "reason" | "hint">> {
    if ((await resources.deployment(serverName(key))) !== undefined) return { reason: "it has no pod" };
    return {
      reason: "its Deployment was deleted",
      hint: `Somebody deleted it: see \`kubectl get events -n ${resources.namespace}\``,
    };
  }

  async #whyEnding(
    resources: Resources,
    key: ServerKey,
    pods: readonly Pod[],
    known: KnownInstance | undefined,
  ): Promise<Pick<ServerState, "reason" | "hint">> {
    if ((await resources.deployment(serverName(key))) === undefined)
      return await this.#whyNone(resources, key);
    return known === undefined ? { reason: "its pod is ending" } : await whyReplaced(resources, pods, known);
  }

  async #whyNotRunning(resources: Resources, pod: Pod): Promise<Pick<ServerState, "reason" | "hint">> {
    const trouble = findTrouble(pod);
    if (trouble !== undefined) {
      const lines = lastLines(
        await resources.log(pod, { lines: 3, previous: trouble.log === "previous" }),
        3,
      );
      return { reason: [trouble.message, ...lines].join("\n"), hint: trouble.hint.replace(/\.$/, "") };
    }
    const ended = containerStatus(pod)?.lastState?.terminated;
    if (ended !== undefined) return { reason: `it ${describeExit({ code: ended.exitCode, signal: null })}` };
    return { reason: isScheduled(pod) ? "its container is being started" : "it waits for a node" };
  }

  async #resources(): Promise<Resources> {
    const connecting = (this.#connected ??= this.#options
      .client()
      .then((client) => new Resources(client, this.#options.namespace)));
    return await connecting;
  }

  async #oneAtATime<T>(key: ServerKey, action: () => Promise<T>): Promise<T> {
    const name = serverName(key);
    const turn = (this.#queues.get(name) ?? Promise.resolve()).then(action, action);
    this.#queues.set(name, turn);
    return await turn;
  }
}

/** Whether a Deployment is of this very spec, and stays. */
function isOf({ metadata }: Deployment, spec: ServerSpec): boolean {
  return (
    metadata?.deletionTimestamp === undefined &&
    metadata?.annotations?.[annotations.specHash] === spec.specHash
  );
}

function restartedAfter(pod: Pod): Pick<ServerState, "restartedAfter"> {
  const trouble = containerStatus(pod)?.restartCount ? findTrouble(pod) : undefined;
  return trouble === undefined ? {} : { restartedAfter: { reason: trouble.message, hint: trouble.hint } };
}

function deployedAt(deployment: Deployment | undefined): number | undefined {
  const text = deployment?.metadata?.annotations?.[annotations.deployedAt];
  return text === undefined ? undefined : Number(text);
}

function keyOf({ metadata }: Deployment): ServerKey {
  const said = metadata?.annotations ?? {};
  return { runId: said[annotations.run] ?? "", cellId: said[annotations.cell] ?? "" };
}

function portOf({ spec }: Deployment): number | undefined {
  return spec?.template.spec?.containers[0]?.ports?.[0]?.containerPort;
}

function notUp({ cellId }: ServerKey): LlmbenchError {
  return new LlmbenchError(
    "SERVER_EXEC_FAILED",
    `${cellId}: no command can be run beside it: it is not up.`,
    {
      hint: "See its log for why it ended.",
    },
  );
}

function noPod({ cellId }: ServerSpec): LlmbenchError {
  return new LlmbenchError("SERVER_NO_POD", `${cellId}: the cluster made no pod of its Deployment.`, {
    hint: "Is the cluster's controller manager up? See `kubectl describe deployment` and `kubectl get events`.",
  });
}
