import type { IWorkflowSpec } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/WorkflowSpec";
import type { IPodSpec } from "kubernetes-models/v1/PodSpec";
import { render } from "./handle.ts";
import { type Lock, writeLocks } from "./lock.ts";
import type { Patch } from "./patch.ts";
import { type Duration, inSeconds } from "./quantity.ts";
import { type AnyTemplate, node } from "./template.ts";

export interface Metadata {
  readonly namespace?: string;
  /** Shown in the Argo UI, in its list of templates and on each run; Markdown. */
  readonly title?: string;
  readonly description?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What holds for a whole workflow. */
export interface SpecOptions extends Metadata {
  readonly serviceAccount?: string;
  readonly automountServiceAccountToken?: boolean;
  /** How long the run may take; exit handlers come on top. */
  readonly deadline?: Duration;
  /** How long the Workflow object stays after its end. */
  readonly keep?: {
    readonly afterSuccess?: Duration;
    readonly afterFailure?: Duration;
    readonly afterEnd?: Duration;
  };
  /** When pods are deleted; never, unless said. */
  readonly podGC?: "OnPodCompletion" | "OnPodSuccess" | "OnWorkflowCompletion" | "OnWorkflowSuccess";
  readonly locks?: readonly Lock<unknown>[];
  /** How many pods may run at a time. */
  readonly parallelism?: number;
  /** Its place in Argo's queues; higher comes first. Argo does not read it from a WorkflowTemplate. */
  readonly priority?: number;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: IWorkflowSpec["tolerations"];
  readonly affinity?: IWorkflowSpec["affinity"];
  readonly imagePullSecrets?: readonly string[];
  readonly podSecurity?: IWorkflowSpec["securityContext"];
  readonly podSpecPatch?: Patch<IPodSpec>;
  readonly podLabels?: Readonly<Record<string, string>>;
  /** Labels that every run of a template carries. */
  readonly runLabels?: Readonly<Record<string, string>>;
  readonly archiveLogs?: boolean;
  readonly suspend?: boolean;
  /** Any other field of Argo's spec. Merged over what is written. */
  readonly patch?: Patch<IWorkflowSpec>;
}

/** An exit handler gets the workflow's arguments and nothing else. */
export type ExitFits<X, I> = [Exclude<RequiredNames<X>, keyof I>] extends [never]
  ? unknown
  : `the entry has no input "${Exclude<RequiredNames<X>, keyof I> & string}" for this exit handler`;

type RequiredNames<X> = {
  [Name in keyof X]: X[Name] extends { readonly optional: true } ? never : Name;
}[keyof X];

export function writeMetadata(options: Metadata) {
  const annotations = { ...titles(options), ...options.annotations };
  return {
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    ...(options.labels === undefined ? {} : { labels: { ...options.labels } }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

const titles = ({ title, description }: Metadata): Record<string, string> => ({
  ...(title === undefined ? {} : { "workflows.argoproj.io/title": title }),
  ...(description === undefined ? {} : { "workflows.argoproj.io/description": description }),
});

export function writeSpec(options: SpecOptions, templates: readonly AnyTemplate[]): Partial<IWorkflowSpec> {
  const claims = new Map(
    templates.flatMap((each) => each[node].claims).map((claim) => [claim.metadata?.name, claim]),
  );
  const runAnnotations = titles(options);
  const workflowMetadata = {
    ...(options.runLabels === undefined ? {} : { labels: { ...options.runLabels } }),
    ...(Object.keys(runAnnotations).length === 0 ? {} : { annotations: runAnnotations }),
  };
  const synchronization = writeLocks(options.locks ?? [], () => {});
  const { keep } = options;
  return {
    ...(Object.keys(workflowMetadata).length === 0 ? {} : { workflowMetadata }),
    ...(options.serviceAccount === undefined ? {} : { serviceAccountName: options.serviceAccount }),
    ...(options.automountServiceAccountToken === undefined
      ? {}
      : { automountServiceAccountToken: options.automountServiceAccountToken }),
    ...(options.deadline === undefined ? {} : { activeDeadlineSeconds: inSeconds(options.deadline) }),
    ...(keep === undefined
      ? {}
      : {
          ttlStrategy: {
            ...(keep.afterSuccess === undefined ? {} : { secondsAfterSuccess: inSeconds(keep.afterSuccess) }),
            ...(keep.afterFailure === undefined ? {} : { secondsAfterFailure: inSeconds(keep.afterFailure) }),
            ...(keep.afterEnd === undefined ? {} : { secondsAfterCompletion: inSeconds(keep.afterEnd) }),
          },
        }),
    ...(options.podGC === undefined ? {} : { podGC: { strategy: options.podGC } }),
    ...(synchronization === undefined ? {} : { synchronization }),
    ...(options.parallelism === undefined ? {} : { parallelism: options.parallelism }),
    ...(options.priority === undefined ? {} : { priority: options.priority }),
    ...(options.nodeSelector === undefined ? {} : { nodeSelector: { ...options.nodeSelector } }),
    ...(options.tolerations === undefined ? {} : { tolerations: options.tolerations }),
    ...(options.affinity === undefined ? {} : { affinity: options.affinity }),
    ...(options.imagePullSecrets === undefined
      ? {}
      : { imagePullSecrets: options.imagePullSecrets.map((name) => ({ name })) }),
    ...(options.podSecurity === undefined ? {} : { securityContext: options.podSecurity }),
    ...(options.podSpecPatch === undefined ? {} : { podSpecPatch: render(options.podSpecPatch, () => {}) }),
    ...(options.podLabels === undefined ? {} : { podMetadata: { labels: { ...options.podLabels } } }),
    ...(options.archiveLogs === undefined ? {} : { archiveLogs: options.archiveLogs }),
    ...(options.suspend === undefined ? {} : { suspend: options.suspend }),
    ...(claims.size === 0
      ? {}
      : { volumeClaimTemplates: [...claims.values()] as NonNullable<IWorkflowSpec["volumeClaimTemplates"]> }),
    ...(templates.length === 0 ? {} : { templates: templates.map((each) => each[node].manifest) }),
  };
}
