import type { ITemplate } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/Template";
import type { IPodSpec } from "kubernetes-models/v1/PodSpec";
import { render, type TextLike, type Use, type Value } from "./handle.ts";
import { type Lock, writeLocks } from "./lock.ts";
import type { Patch } from "./patch.ts";
import { type Duration, inSeconds } from "./quantity.ts";

/** When and how often a pod that did not succeed is tried again. */
export interface Retry {
  /** How often, after the first try. Argo itself knows no limit unless it is told one. */
  readonly limit: number;
  /** What is tried again; OnFailure unless said. OnError: what Argo or the node broke, not what the program said. */
  readonly policy?: "Always" | "OnFailure" | "OnError" | "OnTransientError";
  readonly backoff?: { readonly first: Duration; readonly factor?: number; readonly longest?: Duration };
  /** Argo's expression over `lastRetry`, whose fields are strings: `asInt(lastRetry.exitCode) != 75`. */
  readonly onlyIf?: string;
}

/** What every pod can be told, beside its container. */
export interface PodOptions<Here> {
  readonly serviceAccount?: TextLike<Here>;
  readonly automountServiceAccountToken?: boolean;
  readonly nodeSelector?: Readonly<Record<string, TextLike<Here>>>;
  readonly tolerations?: ITemplate["tolerations"];
  readonly affinity?: ITemplate["affinity"];
  readonly priorityClass?: string;
  /** Who the pod runs as; the container's own is `securityContext`. */
  readonly podSecurity?: ITemplate["securityContext"];
  /** Laid over the pod that Argo makes, as a strategic merge patch. */
  readonly podSpecPatch?: Patch<IPodSpec> | TextLike<Here>;
  readonly labels?: Readonly<Record<string, TextLike<Here>>>;
  readonly annotations?: Readonly<Record<string, TextLike<Here>>>;
  /** The node's name in the Argo UI. */
  readonly displayName?: TextLike<Here>;
  readonly retry?: Retry;
  /** How long the pod may run. */
  readonly deadline?: Duration | Value<number, Here>;
  /** How long the step may take, all tries and waiting for its turn included. */
  readonly timeout?: Duration;
  readonly locks?: readonly Lock<Here>[];
  /** Keeps the outputs in a ConfigMap and gives them out again for the same key. */
  readonly memoize?: { readonly key: TextLike<Here>; readonly cache: string; readonly maxAge?: Duration };
  readonly archiveLogs?: boolean;
  /** Any other field of Argo's template. Merged over what is written above. */
  readonly patch?: Patch<ITemplate>;
}

/** The fields of Argo's template that these options become. */
export function writePodOptions(options: PodOptions<never>, use: Use): Partial<ITemplate> {
  const metadata = {
    ...(options.labels === undefined ? {} : { labels: renderAll(options.labels, use) }),
    ...(options.annotations === undefined ? {} : { annotations: renderAll(options.annotations, use) }),
  };
  const synchronization = writeLocks(options.locks ?? [], use);
  const { displayName, deadline, memoize, podSpecPatch } = options;
  return {
    ...(displayName === undefined
      ? {}
      : { annotations: { "workflows.argoproj.io/display-name": render(displayName, use) } }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
    ...(options.serviceAccount === undefined
      ? {}
      : { serviceAccountName: render(options.serviceAccount, use) }),
    ...(options.automountServiceAccountToken === undefined
      ? {}
      : { automountServiceAccountToken: options.automountServiceAccountToken }),
    ...(options.nodeSelector === undefined ? {} : { nodeSelector: renderAll(options.nodeSelector, use) }),
    ...(options.tolerations === undefined ? {} : { tolerations: options.tolerations }),
    ...(options.affinity === undefined ? {} : { affinity: options.affinity }),
    ...(options.priorityClass === undefined ? {} : { priorityClassName: options.priorityClass }),
    ...(options.podSecurity === undefined ? {} : { securityContext: options.podSecurity }),
    ...(podSpecPatch === undefined ? {} : { podSpecPatch: render(podSpecPatch, use) }),
    ...(options.retry === undefined ? {} : { retryStrategy: writeRetry(options.retry) }),
    ...(deadline === undefined
      ? {}
      : {
          activeDeadlineSeconds: typeof deadline === "string" ? inSeconds(deadline) : render(deadline, use),
        }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(synchronization === undefined ? {} : { synchronization }),
    ...(memoize === undefined
      ? {}
      : {
          memoize: {
            key: render(memoize.key, use),
            cache: { configMap: { name: memoize.cache } },
            maxAge: memoize.maxAge ?? "",
          },
        }),
    ...(options.archiveLogs === undefined ? {} : { archiveLocation: { archiveLogs: options.archiveLogs } }),
  };
}

function writeRetry(retry: Retry): NonNullable<ITemplate["retryStrategy"]> {
  const { backoff } = retry;
  return {
    limit: String(retry.limit),
    ...(retry.policy === undefined ? {} : { retryPolicy: retry.policy }),
    ...(backoff === undefined
      ? {}
      : {
          backoff: {
            duration: backoff.first,
            ...(backoff.factor === undefined ? {} : { factor: String(backoff.factor) }),
            ...(backoff.longest === undefined ? {} : { maxDuration: backoff.longest }),
          },
        }),
    ...(retry.onlyIf === undefined ? {} : { expression: retry.onlyIf }),
  };
}

const renderAll = (texts: Readonly<Record<string, unknown>>, use: Use): Record<string, string> =>
  Object.fromEntries(Object.entries(texts).map(([name, source]) => [name, render(source, use)]));
