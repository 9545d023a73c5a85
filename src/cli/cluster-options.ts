import type { Command } from "commander";
import type { Plan } from "../config/plan.ts";
import type { ApiClientOptions } from "../servers/kubernetes/api-client.ts";
import type { ClusterRuns } from "../workflows/cluster-runs.ts";

export interface ClusterOptions {
  readonly namespace?: string;
  readonly config?: string;
}

/** How a command finds the namespace of a run. */
export function withClusterOptions(command: Command): Command {
  return command
    .option("-n, --namespace <name>", "namespace of the run (default: the kubeconfig's)")
    .option("--config <file>", "take the namespace of this config");
}

/** A person waits: an API server that stays away is told sooner than a step would. */
export const shortPatience: ApiClientOptions = { patienceMs: 15_000 };
/** While a run goes on for hours an API server may go away for a while. */
export const longPatience: ApiClientOptions = { patienceMs: 600_000 };

/** The runs of the namespace that was named, of the config's, or of the kubeconfig's. */
export async function openRuns(
  options: ClusterOptions,
  client: ApiClientOptions = shortPatience,
): Promise<ClusterRuns> {
  const namespace = options.namespace ?? (await configOf(options))?.cluster?.namespace;
  const [{ connect }, { ApiClient }, { ClusterRuns }] = await Promise.all([
    import("../servers/kubernetes/connection.ts"),
    import("../servers/kubernetes/api-client.ts"),
    import("../workflows/cluster-runs.ts"),
  ]);
  const connection = await connect();
  return new ClusterRuns(new ApiClient(connection, client), namespace ?? connection.namespace ?? "default");
}

export async function configOf({ config }: ClusterOptions): Promise<Plan | undefined> {
  if (config === undefined) return undefined;
  const { readPlan } = await import("../config/read-plan.ts");
  return await readPlan(config, { environment: null });
}
