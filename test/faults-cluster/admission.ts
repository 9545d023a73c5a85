import { call } from "../cluster/cluster.ts";
import { until } from "./cluster-client.ts";
import { apply } from "./fault-run.ts";
import { namespace } from "./place.ts";

/** What a policy of the cluster's owner forbids: to make or to delete the Deployment of one cell. */
export interface Forbidden {
  readonly operation: "CREATE" | "DELETE";
  readonly cell: string;
}

const policy = `llmbench-fault-${namespace}`;

/** Sets up an admission policy of the API server's own and returns once it is in force. */
export async function forbid({ operation, cell }: Forbidden): Promise<void> {
  const object = operation === "CREATE" ? "object" : "oldObject";
  apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: ${policy} }
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ${namespace} } }
    resourceRules:
      - { apiGroups: [apps], apiVersions: [v1], operations: [${operation}], resources: [deployments] }
  validations:
    - expression: "!has(${object}.metadata.labels) || !('llmbench.dev/cell' in ${object}.metadata.labels) || ${object}.metadata.labels['llmbench.dev/cell'] != '${cell}'"
      message: "no ${operation} of servers during the audit"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: ${policy} }
spec: { policyName: ${policy}, validationActions: [Deny] }
`);
  const probe = probeOf(cell);
  if (operation === "DELETE") apply(probe);
  const words = operation === "CREATE" ? "create" : "delete";
  await until("the policy to be in force", () => {
    try {
      call("kubectl", [words, "--dry-run=server", "-f", "-"], probe);
      return undefined;
    } catch (error) {
      if (/during the audit/.test(String(error))) return true;
      throw error;
    }
  });
}

/** Takes it away again. */
export function allow(): void {
  for (const kind of ["validatingadmissionpolicybinding", "validatingadmissionpolicy"])
    call("kubectl", ["delete", kind, policy, "--ignore-not-found", "--wait"]);
  call("kubectl", ["delete", "deployment", "-n", namespace, "probe", "--ignore-not-found"]);
}

/** A Deployment without pods that the policy is about. */
function probeOf(cell: string): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: { name: probe, namespace: ${namespace}, labels: { llmbench.dev/cell: ${cell} } }
spec:
  replicas: 0
  selector: { matchLabels: { app: probe } }
  template:
    metadata: { labels: { app: probe } }
    spec: { containers: [{ name: none, image: none }] }
`;
}
