import { setTimeout as sleep } from "node:timers/promises";
import { ApiClient } from "../../src/servers/kubernetes/api-client.ts";
import { connect } from "../../src/servers/kubernetes/connection.ts";
import type { KubernetesObject } from "../../src/servers/kubernetes/objects.ts";
import { labelValue } from "../../src/servers/kubernetes-names.ts";
import { namespace } from "./place.ts";

/** As much of a node of a workflow as faults look at. */
export interface WorkflowNode {
  readonly id: string;
  /** With the path to it: `WORKFLOW.TASK.STEP`, and `(0)` for a try of it. */
  readonly name: string;
  readonly displayName: string;
  readonly templateName?: string;
  readonly type: string;
  readonly phase: string;
  readonly message?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

export interface FaultyWorkflow {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: object;
  readonly status?: {
    readonly phase?: string;
    readonly message?: string;
    readonly startedAt?: string | null;
    readonly finishedAt?: string | null;
    readonly nodes?: Readonly<Record<string, WorkflowNode>>;
    readonly synchronization?: unknown;
  };
}

let connecting: Promise<ApiClient> | undefined;

/** The product's own client, since it outlives an API server that is away. */
async function client(): Promise<ApiClient> {
  connecting ??= connect().then((connection) => new ApiClient(connection));
  return await connecting;
}

export async function getWorkflow(name: string): Promise<FaultyWorkflow> {
  const path = `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/workflows/${name}`;
  const workflow = await (await client()).get<FaultyWorkflow>(path);
  if (workflow === undefined) throw new Error(`there is no workflow ${name} in ${namespace}`);
  return workflow;
}

/** Deployments, Services and pods of a run's servers, in every namespace: `pods/x`. */
export async function serversOf(runId: string): Promise<string[]> {
  const api = await client();
  const labelSelector = `llmbench.dev/run=${labelValue(runId)}`;
  const kinds = { deployments: "/apis/apps/v1", services: "/api/v1", pods: "/api/v1" };
  const lists = Object.entries(kinds).map(async ([kind, group]) => {
    const { items } = await api.list<KubernetesObject>(`${group}/${kind}`, { labelSelector });
    return items.map(({ metadata }) => `${kind}/${metadata?.name}`);
  });
  return (await Promise.all(lists)).flat();
}

/** Looks until there is something to see; says what was waited for when time is over. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  seconds = 900,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await sleep(500);
  }
}
