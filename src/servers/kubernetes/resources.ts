import { setTimeout as sleep } from "node:timers/promises";
import type { ApiClient } from "./api-client.ts";
import { isStatus } from "./api-error.ts";
import { containerName } from "./manifests.ts";
import { anyServer, selectorOf } from "./names.ts";
import type { ClusterEvent, ClusterNode, Deployment, Pod, Service, WorkflowObject } from "./objects.ts";
import { nodeGraceMs } from "./trouble.ts";

/** What a back end reads and writes of one namespace, by name. */
export class Resources {
  readonly client: ApiClient;
  readonly namespace: string;
  /** Nodes that were lost when they were last looked at. */
  readonly #lost = new Set<string>();

  constructor(client: ApiClient, namespace: string) {
    this.client = client;
    this.namespace = namespace;
  }

  get podsPath(): string {
    return `/api/v1/namespaces/${this.namespace}/pods`;
  }

  deploymentPath(name: string): string {
    return `/apis/apps/v1/namespaces/${this.namespace}/deployments/${name}`;
  }

  servicePath(name: string): string {
    return `/api/v1/namespaces/${this.namespace}/services/${name}`;
  }

  async deployment(name: string, signal?: AbortSignal): Promise<Deployment | undefined> {
    return await this.client.get<Deployment>(this.deploymentPath(name), signal);
  }

  async applyDeployment(manifest: Deployment): Promise<Deployment> {
    return await this.client.apply(this.deploymentPath(manifest.metadata?.name ?? ""), manifest);
  }

  async applyService(manifest: Service): Promise<Service> {
    return await this.client.apply(this.servicePath(manifest.metadata?.name ?? ""), manifest);
  }

  /** Deployments of servers, of all runs or of what `more` chooses. */
  async deployments(more: Readonly<Record<string, string>> = {}): Promise<readonly Deployment[]> {
    const labelSelector = selectorOf({ ...anyServer, ...more });
    const list = await this.client.list<Deployment>(this.deploymentPath("").slice(0, -1), { labelSelector });
    return list.items;
  }

  async pods(wanted: Readonly<Record<string, string>>): Promise<readonly Pod[]> {
    const list = await this.client.list<Pod>(this.podsPath, { labelSelector: selectorOf(wanted) });
    return list.items;
  }

  /** What was told of one object, oldest first; nothing where events may not be read. */
  async events(uid: string, signal?: AbortSignal): Promise<readonly ClusterEvent[]> {
    const path = `/api/v1/namespaces/${this.namespace}/events`;
    const fieldSelector = `involvedObject.uid=${uid}`;
    const found = await allowed(this.client.list<ClusterEvent>(path, { fieldSelector }, signal));
    return [...(found?.items ?? [])].sort((a, b) => timeOf(a).localeCompare(timeOf(b)));
  }

  /** All nodes; undefined where they may not be read. */
  async nodes(signal?: AbortSignal): Promise<readonly ClusterNode[] | undefined> {
    return (await allowed(this.client.list<ClusterNode>("/api/v1/nodes", {}, signal)))?.items;
  }

  /** Whether a node is there and answers; undefined where nodes may not be read. */
  async isNodeWell(name: string, signal?: AbortSignal): Promise<boolean | undefined> {
    try {
      const node = await this.client.get<ClusterNode>(`/api/v1/nodes/${name}`, signal);
      return node?.status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
    } catch (error) {
      if (isStatus(error, 403)) return undefined;
      throw error;
    }
  }

  /** Whether a node takes no new pods by somebody's will; undefined where nodes may not be read. */
  async isNodeCordoned(name: string): Promise<boolean | undefined> {
    const node = await allowed(this.client.get<ClusterNode>(`/api/v1/nodes/${name}`));
    return node?.spec?.unschedulable === true;
  }

  /** Whether a node stays away: one that comes back within a moment is not lost. Undefined as before. */
  async isNodeLost(name: string): Promise<boolean | undefined> {
    const begun = performance.now();
    for (;;) {
      const well = await this.isNodeWell(name);
      if (well === undefined) return undefined;
      if (well) this.#lost.delete(name);
      else if (performance.now() - begun > nodeGraceMs) this.#lost.add(name);
      if (well || this.#lost.has(name)) return !well;
      await sleep(2000);
    }
  }

  /** Pods of every namespace on a node; undefined where those may not be listed. */
  async podsOnNode(node: string): Promise<readonly Pod[] | undefined> {
    const fieldSelector = `spec.nodeName=${node},status.phase!=Succeeded,status.phase!=Failed`;
    return (await allowed(this.client.list<Pod>("/api/v1/pods", { fieldSelector })))?.items;
  }

  async workflow(name: string): Promise<WorkflowObject | undefined> {
    return await this.client.get(`/apis/argoproj.io/v1alpha1/namespaces/${this.namespace}/workflows/${name}`);
  }

  /** The end of a server's log; empty where there is none (yet, or because its node is gone). */
  async log(pod: Pod, options: { lines?: number; previous: boolean }): Promise<string> {
    try {
      return await this.client.text({
        path: `${this.podsPath}/${pod.metadata?.name}/log`,
        query: { container: containerName, tailLines: options.lines, previous: options.previous },
        timeoutMs: 60_000,
        patienceMs: 10_000,
      });
    } catch (error) {
      if (isStatus(error, 401) || isStatus(error, 403)) throw error;
      // No such pod any more; a container that has not started; no container before this one; a node that is lost.
      return "";
    }
  }

  async deletePod(pod: Pod, graceSeconds?: number): Promise<void> {
    await this.client.delete(`${this.podsPath}/${pod.metadata?.name}`, {
      uid: pod.metadata?.uid,
      ...(graceSeconds === undefined ? {} : { graceSeconds }),
    });
  }
}

/** Undefined where the cluster does not let us. */
async function allowed<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isStatus(error, 403)) return undefined;
    throw error;
  }
}

function timeOf({ eventTime, lastTimestamp, firstTimestamp }: ClusterEvent): string {
  return lastTimestamp ?? eventTime ?? firstTimestamp ?? "";
}
