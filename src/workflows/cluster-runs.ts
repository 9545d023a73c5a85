import { nearest } from "../config/nearest.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";
import type { ApiClient } from "../servers/kubernetes/api-client.ts";
import { isStatus } from "../servers/kubernetes/api-error.ts";
import type { KubernetesObject } from "../servers/kubernetes/objects.ts";
import { Resources } from "../servers/kubernetes/resources.ts";
import { isBenchmark, runOf, type Workflow } from "./workflow.ts";

const argoGroup = "/apis/argoproj.io/v1alpha1";

/** Benchmark runs of one namespace, as Argo's Workflows. */
export class ClusterRuns {
  readonly client: ApiClient;
  readonly namespace: string;

  constructor(client: ApiClient, namespace: string) {
    this.client = client;
    this.namespace = namespace;
  }

  get path(): string {
    return `${argoGroup}/namespaces/${this.namespace}/workflows`;
  }

  get resources(): Resources {
    return new Resources(this.client, this.namespace);
  }

  /** All benchmark runs, newest first. Throws ARGO_NOT_INSTALLED, CLUSTER_NAMESPACE_UNKNOWN. */
  async list(): Promise<readonly Workflow[]> {
    const found = await this.#listed(this.path);
    const runs = found.filter(isBenchmark).sort((a, b) => createdAt(b).localeCompare(createdAt(a)));
    if (runs.length === 0) await this.#checkNamespace();
    return runs;
  }

  /**
   * The Workflow of a run, by its own name or by the name that the run was given; of several the newest. Throws
   * CLUSTER_RUN_UNKNOWN with the nearest name.
   */
  async find(run: string): Promise<Workflow> {
    const named = await this.findNamed(run);
    if (named !== undefined) return named;
    const all = await this.list();
    const given = all.find((workflow) => runOf(workflow) === run);
    if (given !== undefined) return given;
    throw await this.#unknown(run, all);
  }

  /** By the Workflow's own name alone. */
  async findNamed(name: string): Promise<Workflow | undefined> {
    return await this.client.get<Workflow>(`${this.path}/${encodeURIComponent(name)}`);
  }

  async #listed(path: string): Promise<readonly Workflow[]> {
    try {
      return (await this.client.list<Workflow>(path)).items;
    } catch (error) {
      if (isStatus(error, 404)) throw argoMissing(this.client.connection.server);
      throw error;
    }
  }

  async #unknown(run: string, all: readonly Workflow[]): Promise<LlmbenchError> {
    const names = all.map(({ metadata }) => metadata?.name ?? "");
    const near = nearest(run, names);
    const elsewhere = await this.#namespaceOf(run);
    return new LlmbenchError(
      "CLUSTER_RUN_UNKNOWN",
      `There is no run "${run}" in namespace ${this.namespace}.`,
      {
        exitStatus: ExitStatus.usage,
        hint:
          elsewhere !== undefined
            ? `It is in namespace ${elsewhere}: add -n ${elsewhere}`
            : near !== undefined
              ? `Did you mean ${near}?`
              : "`llmbench status` lists the runs of a namespace (-n NAMESPACE). Argo deletes finished ones after a while; results stay on the share.",
        details: near === undefined ? names.slice(0, 5).map((name) => `There is: ${name}`) : [],
      },
    );
  }

  /** Where a run of that name is, if not here; undefined also where other namespaces may not be looked at. */
  async #namespaceOf(run: string): Promise<string | undefined> {
    try {
      const query = { fieldSelector: `metadata.name=${run}` };
      const { items } = await this.client.list<Workflow>(`${argoGroup}/workflows`, query);
      return items[0]?.metadata?.namespace;
    } catch (error) {
      if (isStatus(error, 403) || isStatus(error, 400) || isStatus(error, 404)) return undefined;
      throw error;
    }
  }

  /** A list of a namespace that does not exist is empty: say so. */
  async #checkNamespace(): Promise<void> {
    try {
      if ((await this.client.get(`/api/v1/namespaces/${this.namespace}`)) !== undefined) return;
      const { items } = await this.client.list<KubernetesObject>("/api/v1/namespaces");
      throw namespaceMissing(
        this.namespace,
        items.map(({ metadata }) => metadata?.name ?? ""),
      );
    } catch (error) {
      // Whoever has rights in one namespace alone may not look.
      if (!isStatus(error, 403)) throw error;
    }
  }
}

export function argoMissing(server: string): LlmbenchError {
  return new LlmbenchError("ARGO_NOT_INSTALLED", `The cluster ${server} knows no Workflows.`, {
    hint: "Argo Workflows is not installed there, or the kubeconfig's context is another cluster's: `kubectl config current-context` names it, `kubectl get crd workflows.argoproj.io` looks.",
  });
}

function namespaceMissing(namespace: string, names: readonly string[]): LlmbenchError {
  const near = nearest(namespace, names);
  return new LlmbenchError("CLUSTER_NAMESPACE_UNKNOWN", `There is no namespace ${namespace}.`, {
    exitStatus: ExitStatus.usage,
    hint:
      near === undefined
        ? "Name it with -n NAMESPACE, or by the config: --config CONFIG"
        : `Did you mean ${near}? Name it with -n, or by the config: --config CONFIG`,
  });
}

function createdAt({ metadata }: Workflow): string {
  return metadata?.creationTimestamp ?? "";
}
