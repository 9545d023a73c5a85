import { type Value, value } from "./handle.ts";

/** Facts about the run as a whole; they may be used in every template. */
export const thisRun = {
  name: value("{{workflow.name}}", {}),
  namespace: value("{{workflow.namespace}}", {}),
  uid: value("{{workflow.uid}}", {}),
  serviceAccount: value("{{workflow.serviceAccountName}}", {}),
  createdAt: value("{{workflow.creationTimestamp.RFC3339}}", {}),
  /** When a CronWorkflow was due; only its runs have it. */
  scheduledTime: value("{{workflow.scheduledTime}}", {}),
  /** Succeeded, Failed or Error, for exit handlers; Running before. */
  status: value("{{workflow.status}}", {}),
  /** JSON: what failed, for exit handlers. */
  failures: value("{{workflow.failures}}", {}),
  /** Seconds since the start. */
  duration: value("{{workflow.duration}}", {}),
} satisfies Readonly<Record<string, Value<unknown>>> as {
  readonly name: Value<string>;
  readonly namespace: Value<string>;
  readonly uid: Value<string>;
  readonly serviceAccount: Value<string>;
  readonly createdAt: Value<string>;
  readonly scheduledTime: Value<string>;
  readonly status: Value<"Running" | "Succeeded" | "Failed" | "Error">;
  readonly failures: Value<string>;
  readonly duration: Value<number>;
};
