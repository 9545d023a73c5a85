import { gunzipSync } from "node:zlib";
import type { KubernetesObject } from "../servers/kubernetes/objects.ts";

/** As much of Argo's objects as is read here (v4.1.2, workflow_types.go). */

interface Parameter {
  readonly name: string;
  readonly value?: string;
}

interface Arguments {
  readonly parameters?: readonly Parameter[];
}

export interface WorkflowNode {
  readonly id: string;
  readonly name: string;
  readonly displayName: string;
  readonly type: string;
  readonly phase?: string;
  readonly templateName?: string;
  /** The DAG that it stands in. */
  readonly boundaryID?: string;
  readonly message?: string;
  readonly startedAt?: string | null;
  readonly finishedAt?: string | null;
  /** Done of all, as the step itself counts. */
  readonly progress?: string;
  readonly inputs?: Arguments;
  readonly outputs?: Arguments & { readonly exitCode?: string };
  /** The lock that it waits for: `NAMESPACE/Kind/NAME[/KEY]`. */
  readonly synchronizationStatus?: { readonly waiting?: string };
}

interface Volume {
  readonly name: string;
  readonly persistentVolumeClaim?: { readonly claimName: string };
}

interface Template {
  readonly name?: string;
  readonly dag?: {
    readonly tasks?: readonly {
      readonly name: string;
      readonly template?: string;
      readonly arguments?: Arguments;
    }[];
  };
  readonly container?: {
    readonly image?: string;
    readonly imagePullPolicy?: string;
    readonly volumeMounts?: readonly {
      readonly name: string;
      readonly mountPath: string;
      readonly subPath?: string;
    }[];
  };
  readonly volumes?: readonly Volume[];
  readonly tolerations?: readonly unknown[];
  readonly affinity?: unknown;
  readonly nodeSelector?: Readonly<Record<string, string>>;
}

export interface WorkflowSpec {
  readonly entrypoint?: string;
  readonly arguments?: Arguments;
  readonly workflowTemplateRef?: { readonly name?: string };
  readonly shutdown?: string;
  readonly templates?: readonly Template[];
  readonly volumes?: readonly Volume[];
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
  readonly securityContext?: object;
}

/** A semaphore that the workflow waits for, and who holds it: `NAMESPACE/WORKFLOW`. */
interface SemaphoreWait {
  /** `NAMESPACE/ConfigMap/NAME/KEY`. */
  readonly semaphore: string;
  readonly holders?: readonly string[];
}

export interface Workflow extends KubernetesObject {
  readonly spec?: WorkflowSpec;
  readonly status?: {
    readonly phase?: string;
    readonly message?: string;
    readonly startedAt?: string | null;
    readonly finishedAt?: string | null;
    readonly nodes?: Readonly<Record<string, WorkflowNode>>;
    /** Base64 of gzip of JSON, where the nodes are too large for the object. */
    readonly compressedNodes?: string;
    /** Says under which version the nodes lie in the controller's database. */
    readonly offloadNodeStatusVersion?: string;
    readonly storedWorkflowTemplateSpec?: WorkflowSpec;
    readonly synchronization?: { readonly semaphore?: { readonly waiting?: readonly SemaphoreWait[] } };
  };
}

/** The nodes of a workflow, also compressed ones; undefined where they lie in the controller's database. */
export function nodesOf({ status }: Workflow): readonly WorkflowNode[] | undefined {
  if (status?.offloadNodeStatusVersion) return undefined;
  if (status?.compressedNodes) {
    const json = gunzipSync(Buffer.from(status.compressedNodes, "base64")).toString("utf8");
    return Object.values(JSON.parse(json) as Readonly<Record<string, WorkflowNode>>);
  }
  return Object.values(status?.nodes ?? {});
}

/** The spec that a workflow runs: its template's as it was when it began. */
export function specOf({ spec, status }: Workflow): WorkflowSpec {
  return status?.storedWorkflowTemplateSpec ?? spec ?? {};
}

export function parameterOf(given: Arguments | undefined, name: string): string | undefined {
  return given?.parameters?.find((parameter) => parameter.name === name)?.value;
}

/** The name of the run folder that it writes: its own, unless it was given one. */
export function runOf({ metadata, spec }: Workflow): string {
  return parameterOf(spec?.arguments, "run") || (metadata?.name ?? "");
}

/** Whether nothing more happens to it by itself. */
export function isOver({ status }: Workflow): boolean {
  return ["Succeeded", "Failed", "Error"].includes(status?.phase ?? "");
}

/** Whether it is one of ours; another's workflows may live beside it, and those that bring models. */
export function isBenchmark({ metadata, spec }: Workflow): boolean {
  if (metadata?.labels?.["llmbench.dev/models"] !== undefined) return false;
  const template = spec?.workflowTemplateRef?.name ?? "";
  return metadata?.labels?.["llmbench.dev/config"] !== undefined || template.startsWith("llmbench-");
}
