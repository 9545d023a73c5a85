import type { Resources } from "./resources.ts";
import type { Trouble } from "./trouble.ts";

/** Why a Deployment has no pod; undefined while one may still come. */
export async function whyNoPod(
  resources: Resources,
  name: string,
  signal?: AbortSignal,
): Promise<Trouble | undefined> {
  const deployment = await resources.deployment(name, signal);
  if (deployment === undefined || deployment.metadata?.deletionTimestamp !== undefined) {
    return {
      code: "SERVER_REMOVED",
      message: "the server was removed while it was waited for",
      hint: "Somebody deleted its Deployment, or its workflow ended: see `kubectl get events`.",
      graceMs: 0,
    };
  }
  const refused = deployment.status?.conditions?.find(
    ({ type, status }) => type === "ReplicaFailure" && status === "True",
  );
  if (refused === undefined) return undefined;
  const message = refused.message ?? "";
  if (/exceeded quota/.test(message)) {
    return {
      code: "SERVER_QUOTA",
      message: `the namespace's quota leaves no room for its pod: ${message}`,
      hint: "Wait for what else runs in the namespace, or raise its ResourceQuota.",
      graceMs: Number.POSITIVE_INFINITY,
    };
  }
  return {
    code: "SERVER_POD_REFUSED",
    message: `the cluster refuses its pod: ${message}`,
    hint: podHint(message),
    graceMs: 3000,
  };
}

function podHint(message: string): string {
  if (/PodSecurity/.test(message)) {
    return "The namespace's Pod Security level is too strict for this engine: an engine that needs root runs where enforce is baseline.";
  }
  if (/RuntimeClass/.test(message)) {
    return "Leave runtimeClass out of the pool, or create that RuntimeClass: `kubectl get runtimeclass` lists what there is.";
  }
  return "A policy of the cluster refuses what the config asks for: see `kubectl get events`.";
}
