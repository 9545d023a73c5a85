import { type Value, value } from "./handle.ts";

const fact = <T>(name: string): Value<T> => value(`{{workflow.${name}}}`, {});

/** Facts about the run as a whole; they may be used in every template. */
export const thisRun = {
  name: fact<string>("name"),
  namespace: fact<string>("namespace"),
  uid: fact<string>("uid"),
  serviceAccount: fact<string>("serviceAccountName"),
  createdAt: fact<string>("creationTimestamp.RFC3339"),
  /** When a CronWorkflow was due; only its runs have it. */
  scheduledTime: fact<string>("scheduledTime"),
  /** Its final value is there in exit handlers. */
  status: fact<"Running" | "Succeeded" | "Failed" | "Error">("status"),
  /** JSON: what failed; for exit handlers. */
  failures: fact<string>("failures"),
  /** Seconds since the start. */
  duration: fact<number>("duration"),
};
