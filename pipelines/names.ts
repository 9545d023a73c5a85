import type { Plan } from "../src/config/plan.ts";
import { LlmbenchError } from "../src/error.ts";

/** A plan that runs on a cluster. */
export type ClusterRun = Plan & { readonly cluster: NonNullable<Plan["cluster"]> };

/** Throws BUILD_NO_CLUSTER for a config that runs on this machine. */
export function clusterRun(plan: Plan): ClusterRun {
  if (plan.cluster !== undefined) return { ...plan, cluster: plan.cluster };
  throw new LlmbenchError(
    "BUILD_NO_CLUSTER",
    `${plan.source?.file ?? plan.name} says nothing of a cluster.`,
    {
      exitStatus: 2,
      hint: "add `cluster:` (docs/configuration.md), or run it on this machine: llmbench run CONFIG",
    },
  );
}

/** ServiceAccounts, one for each kind of work; every config of a namespace shares them. */
export const accounts = {
  prepare: "llmbench-prepare",
  server: "llmbench-server",
  profile: "llmbench-profile",
  teardown: "llmbench-teardown",
  models: "llmbench-models",
} as const;

/**
 * One run at a time in a namespace, by hand or by the clock: a semaphore, and no mutex, since cells hold one too. Argo's
 * controller (4.1.2) breaks off the retry of a workflow that holds a lock of one kind alone and meets a finished cell
 * with one of the other.
 */
export const runSlots = { configMap: "llmbench-runs", key: "at-once" } as const;

export const ownedLabels = { "app.kubernetes.io/managed-by": "llmbench" } as const;
