import type { ServerRecord } from "./schema/server.ts";

/** The last deployment that numbers come from: one under a profiler comes later and is never measured. */
export function lastMeasured(deployments: readonly ServerRecord[]): ServerRecord | undefined {
  return deployments.findLast(({ profiler }) => profiler === undefined);
}
