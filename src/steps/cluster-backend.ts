import type { Plan } from "../config/plan.ts";
import { shareClaim } from "../config/share-claims.ts";
import { LlmbenchError } from "../error.ts";
import { ApiClient } from "../servers/kubernetes/api-client.ts";
import { connect } from "../servers/kubernetes/connection.ts";
import { KubernetesBackend } from "../servers/kubernetes/kubernetes.ts";
import type { ServerKey } from "../servers/registry.ts";
import type { ClusterBackend } from "../servers/server.ts";

/** The back end of a plan's cluster. It connects when it is first needed: a plan without a cluster never does. */
export function createClusterBackend(
  { name, cluster }: Plan,
  env: NodeJS.ProcessEnv,
  report: (key: ServerKey, text: string) => void,
): ClusterBackend {
  const workflow = { name: env["LLMBENCH_WORKFLOW"] ?? "", uid: env["LLMBENCH_WORKFLOW_UID"] ?? "" };
  return new KubernetesBackend({
    client: async () => {
      if (cluster === undefined) throw noCluster();
      return new ApiClient(await connect(env));
    },
    namespace: cluster?.namespace ?? "default",
    serversPerNode: cluster?.serversPerNode ?? 1,
    mayReadUsage: cluster?.readServerUsage ?? false,
    // Gone with the workflow at the latest.
    ...(workflow.name === "" || workflow.uid === "" ? {} : { workflow }),
    ...(cluster === undefined
      ? {}
      : {
          models: {
            claim: shareClaim(name, "models", cluster.storage),
            ...(cluster.storage.models.subPath === undefined
              ? {}
              : { subPath: cluster.storage.models.subPath }),
          },
        }),
    report,
  });
}

function noCluster(): LlmbenchError {
  return new LlmbenchError("CLUSTER_UNKNOWN", "This run's config has no `cluster:`.", {
    hint: "its servers run on this machine; no step of it needs a cluster",
  });
}
