import type { ClusterPlan } from "../config/cluster-plan.ts";
import type { CellPlan, ServerPlan } from "../config/plan.ts";
import type { Hardware } from "../results/schema/run.ts";
import type { ServerSpec } from "../servers/server.ts";
import type { ResolvedModel } from "./models.ts";
import type { Report } from "./pip.ts";
import type { EngineMetrics, RequestDialect } from "./spec.ts";

export interface ResolveInput {
  readonly runId: string;
  readonly cell: CellPlan;
  readonly hardware: Hardware;
  /** Words that start this program again: simulated engines are processes of it. */
  readonly selfCommand: readonly string[];
  /** Of the plan, for servers that are containers. */
  readonly cluster?: ClusterPlan;
  /** Where this process sees the cluster's models share. Default: where its containers do. */
  readonly modelsFolder?: string;
  readonly report: Report;
  readonly signal?: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
  /** Puts the values of secrets in place of their names: resolveSecretEnv of src/config/secrets.ts. */
  readonly resolveSecrets: (
    holder: { readonly env: Readonly<Record<string, string>>; readonly secretEnv: readonly string[] },
    environment: NodeJS.ProcessEnv,
  ) => Readonly<Record<string, string>>;
}

/** One cell's server as it will be started, and what is known of it before. */
export interface ResolvedServer {
  readonly spec: ServerSpec;
  /** "unknown" where only the server itself can say. */
  readonly engineVersion: string;
  readonly dialect: RequestDialect;
  readonly model: ResolvedModel;
  readonly checkout?: { readonly commit: string; readonly dirty: boolean; readonly path: string };
  readonly python?: string;
  readonly simulated: boolean;
  /** What it says of itself while it works, and where; absent of a server of unknown make. */
  readonly metrics?: EngineMetrics | undefined;
  /** It is started under this profiler, and never measured. */
  readonly profiler?: "nsys";
  /** A server that is there already: how to reach it. Headers hold secrets. */
  readonly standing?: {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly caFile?: string;
  };
}

export type PlanOf<Kind extends ServerPlan["kind"]> = Extract<ServerPlan, { kind: Kind }>;
