import { z } from "zod";
import { LlmbenchError } from "../error.ts";

/** An object for the API server, as plain data. What is submitted gets its name later. */
export const ClusterObject = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string().optional(),
    generateName: z.string().optional(),
    namespace: z.string().optional(),
  }),
});
export type ClusterObject = z.infer<typeof ClusterObject>;

const plurals: Readonly<Record<string, string>> = {
  Namespace: "namespaces",
  ServiceAccount: "serviceaccounts",
  ConfigMap: "configmaps",
  ResourceQuota: "resourcequotas",
  PersistentVolume: "persistentvolumes",
  PersistentVolumeClaim: "persistentvolumeclaims",
  Role: "roles",
  RoleBinding: "rolebindings",
  ClusterRole: "clusterroles",
  ClusterRoleBinding: "clusterrolebindings",
  NetworkPolicy: "networkpolicies",
  WorkflowTemplate: "workflowtemplates",
  CronWorkflow: "cronworkflows",
  Workflow: "workflows",
};

/** Where the API server has an object. */
export function pathOf({ apiVersion, kind, metadata }: ClusterObject): string {
  const plural = plurals[kind];
  if (plural === undefined) throw new LlmbenchError("INTERNAL", `no path is known for a ${kind}`);
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = metadata.namespace === undefined ? "" : `/namespaces/${metadata.namespace}`;
  return `${root}${place}/${plural}/${metadata.name ?? ""}`;
}

export const titleOf = ({ kind, metadata }: ClusterObject): string =>
  `${kind} ${metadata.name ?? metadata.generateName ?? ""}`;
