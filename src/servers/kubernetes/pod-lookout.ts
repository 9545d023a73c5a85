import { LlmbenchError } from "../../error.ts";
import { hintFor } from "../failure.ts";
import { lastLines } from "../log-tail.ts";
import type { ServerSpec } from "../server.ts";
import { refusesEveryNode, whyNoNodeFits } from "./fit.ts";
import { containerOf } from "./manifests.ts";
import { selectorOf, serverLabels, serverName } from "./names.ts";
import { ObjectWatch } from "./object-watch.ts";
import type { ClusterEvent, Pod } from "./objects.ts";
import { whyNoPod } from "./pod-missing.ts";
import { condition, containerStatus, currentPod, instanceOf, isRunning, isScheduled } from "./pod-state.ts";
import type { Resources } from "./resources.ts";
import { StartupTimes } from "./startup-times.ts";
import { findTrouble, nodeLost, type Trouble } from "./trouble.ts";

export interface PodLookoutOptions {
  readonly deployedAtMs: number;
  /** Wall clock that never goes back, ms since the epoch. */
  readonly nowMs: () => number;
  /** Told what is waited for, each time that changes. */
  readonly report: (text: string) => void;
}

const shownLines = 20;
/** How often what no watch tells is asked for, ms. */
const askMs = { idle: 1000, noPod: 1000, events: 2000, nodes: 5000 };
/** Time for an autoscaler to say that it makes a node, ms. */
const unfitGraceMs = 12_000;

/** Keeps an eye on the pod of one server that starts: what it waits for, and when it can only fail. */
export class PodLookout {
  readonly times: StartupTimes;
  /** The server's pod, as last seen. */
  pod: Pod | undefined;
  /** What is waited for, in words. */
  waitingFor = "";
  /** When we first saw this instance on a node, on the clock of `performance`. */
  scheduled: { readonly instance: string; readonly atMs: number } | undefined;
  readonly #spec: ServerSpec;
  readonly #resources: Resources;
  readonly #options: PodLookoutOptions;
  readonly #watch: ObjectWatch<Pod>;
  readonly #restartsBefore = new Map<string, number>();
  readonly #judged = new Map<string, { readonly atMs: number; readonly trouble: Trouble | undefined }>();
  #events: readonly ClusterEvent[] = [];
  #eventsOf: { readonly instance: string; readonly atMs: number } | undefined;
  #lasting: { readonly code: string; readonly sinceMs: number } | undefined;

  constructor(spec: ServerSpec, resources: Resources, options: PodLookoutOptions) {
    this.#spec = spec;
    this.#resources = resources;
    this.#options = options;
    this.times = new StartupTimes(options.deployedAtMs);
    const labelSelector = selectorOf(serverLabels(spec));
    this.#watch = new ObjectWatch(resources.client, resources.podsPath, { labelSelector });
  }

  /** Looks at each change, and now and then, until `stop`. Rejects with the reason when the pod cannot serve any more. */
  async run(stop: AbortSignal): Promise<never> {
    const failed = new Promise<never>((_, reject) => {
      this.#watch.run(stop).catch(reject);
    });
    return await Promise.race([failed, this.#keepLooking(stop)]);
  }

  /** Resolves when something has changed, or after `timeoutMs`. */
  async next(timeoutMs: number): Promise<void> {
    await this.#watch.next(timeoutMs);
  }

  /** Reads the events of the pod once more: the last ones of a start may not have been seen. */
  async lookAgain(pod: Pod, stop: AbortSignal): Promise<void> {
    this.#events = await this.#resources.events(pod.metadata?.uid ?? "", stop);
    this.times.see(pod, this.#events, this.#options.nowMs());
  }

  say(waitingFor: string): void {
    if (this.waitingFor === waitingFor) return;
    this.waitingFor = waitingFor;
    this.#options.report(`waiting for ${waitingFor}`);
  }

  async lastLines(which: "current" | "previous" = "current"): Promise<string[]> {
    if (this.pod === undefined) return [];
    const log = this.#resources.log(this.pod, { lines: shownLines, previous: which === "previous" });
    return lastLines(await log.catch(() => ""), shownLines);
  }

  async #keepLooking(stop: AbortSignal): Promise<never> {
    for (;;) {
      stop.throwIfAborted();
      const seen = this.#watch.changes;
      if (seen === 0) {
        await this.#watch.next(askMs.idle, seen, stop);
        continue;
      }
      const pod = currentPod(this.#watch.objects, this.#spec.specHash);
      if (pod !== undefined && !isRunning(pod)) await this.#askEvents(pod, stop);
      this.#take(pod);
      const trouble = await this.#lookForTrouble(pod, stop);
      if (this.#hasLasted(trouble)) throw await this.#errorOf(trouble);
      await this.#watch.next(askMs.idle, seen, stop);
    }
  }

  #take(pod: Pod | undefined): void {
    this.pod = pod;
    if (pod === undefined) return this.say("its pod to be made");
    const uid = pod.metadata?.uid ?? "";
    const restarts = containerStatus(pod)?.restartCount ?? 0;
    if (!this.#restartsBefore.has(uid)) this.#restartsBefore.set(uid, restarts);
    this.times.see(pod, this.#events, this.#options.nowMs());
    if (!isScheduled(pod)) {
      this.scheduled = undefined;
      const said = condition(pod, "PodScheduled")?.message;
      return this.say(`its turn on a node${said === undefined ? "" : `: ${said}`}`);
    }
    const instance = instanceOf(pod);
    if (this.scheduled?.instance !== instance) this.scheduled = { instance, atMs: performance.now() };
    if (isRunning(pod)) return;
    const last = this.#events.at(-1)?.message;
    this.say(`its container on ${pod.spec?.nodeName} to start${last === undefined ? "" : ` (${last})`}`);
  }

  async #lookForTrouble(pod: Pod | undefined, stop: AbortSignal): Promise<Trouble | undefined> {
    if (pod === undefined) {
      const name = serverName(this.#spec);
      return await this.#judge("pod", askMs.noPod, async () => await whyNoPod(this.#resources, name, stop));
    }
    const trouble = findTrouble(pod, this.#events, this.#restartsBefore.get(pod.metadata?.uid ?? ""));
    if (trouble !== undefined) return trouble;
    if (!isScheduled(pod)) {
      return await this.#judge("fit", askMs.nodes, async () => await this.#whyUnfit(pod, stop));
    }
    const node = pod.spec?.nodeName ?? "";
    return await this.#judge(`node ${node}`, askMs.nodes, async () =>
      (await this.#resources.isNodeWell(node, stop)) === false ? nodeLost(pod) : undefined,
    );
  }

  /** Unfit only when no node would do even if every benchmark server were gone; otherwise it waits its turn. */
  async #whyUnfit(pod: Pod, stop: AbortSignal): Promise<Trouble | undefined> {
    const said = condition(pod, "PodScheduled")?.message;
    if (said === undefined || this.#events.some(({ reason }) => reason === "TriggeredScaleUp"))
      return undefined;
    const nodes = await this.#resources.nodes(stop);
    const reasons = nodes === undefined ? undefined : whyNoNodeFits(pod, nodes);
    if (nodes === undefined ? !refusesEveryNode(said) : reasons === undefined) return undefined;
    const { name } = containerOf(this.#spec).pool;
    return {
      code: "SERVER_UNSCHEDULABLE",
      message: `no node of the cluster could ever take its pod: ${[said, ...(reasons ?? [])].join("\n  ")}`,
      hint: `Check cluster.pools.${name} (nodeSelector, tolerations, gpuResource) and the engine's resources against \`kubectl describe nodes\`.`,
      graceMs: unfitGraceMs,
    };
  }

  /** A judgement stands until it is due again. */
  async #judge(
    what: string,
    everyMs: number,
    ask: () => Promise<Trouble | undefined>,
  ): Promise<Trouble | undefined> {
    const last = this.#judged.get(what);
    if (last !== undefined && performance.now() - last.atMs < everyMs) return last.trouble;
    const trouble = await ask();
    this.#judged.set(what, { atMs: performance.now(), trouble });
    return trouble;
  }

  async #askEvents(pod: Pod, stop: AbortSignal): Promise<void> {
    const instance = instanceOf(pod);
    const last = this.#eventsOf;
    if (last?.instance === instance && performance.now() - last.atMs < askMs.events) return;
    this.#eventsOf = { instance, atMs: performance.now() };
    this.#events = await this.#resources.events(pod.metadata?.uid ?? "", stop);
  }

  #hasLasted(trouble: Trouble | undefined): trouble is Trouble {
    if (trouble === undefined) {
      this.#lasting = undefined;
      return false;
    }
    if (this.#lasting?.code !== trouble.code) {
      this.#lasting = { code: trouble.code, sinceMs: performance.now() };
    }
    return performance.now() - this.#lasting.sinceMs >= trouble.graceMs;
  }

  async #errorOf({ code, message, hint, log, exit }: Trouble): Promise<LlmbenchError> {
    const details = log === undefined ? [] : await this.lastLines(log);
    return new LlmbenchError(code, `${this.#spec.cellId}: ${message.replace(/\.$/, "")}.`, {
      hint: exit === undefined ? hint : `${hintFor(details, exit)} ${hint}`,
      details,
    });
  }
}
