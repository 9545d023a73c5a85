import { cronWorkflow } from "../src/argo/index.ts";
import type { SchedulePlan } from "../src/config/cluster-plan.ts";
import { configObjectName } from "../src/servers/kubernetes-names.ts";
import { benchmark } from "./benchmark.ts";
import { type ClusterRun, ownedLabels } from "./names.ts";

/**
 * The same benchmark by the clock. A run that is due while the last one goes on is left out; a run by hand and one by the
 * clock wait for each other by the lock of the template.
 */
export function nightly(plan: ClusterRun, schedule: SchedulePlan) {
  return cronWorkflow(
    configObjectName(plan.name, "nightly"),
    {
      schedules: [schedule.cron],
      timezone: schedule.timeZone,
      // Replace would terminate the old run, and no teardown would run.
      concurrency: "Forbid",
      history: { succeeded: schedule.keepSucceeded, failed: schedule.keepFailed },
      suspend: schedule.suspend,
    },
    {
      of: benchmark(plan),
      namespace: plan.cluster.namespace,
      labels: ownedLabels,
      title: `${plan.name}, nightly`,
      ...(plan.description === undefined ? {} : { description: plan.description }),
      runLabels: { "llmbench.dev/trigger": "schedule" },
    },
  );
}
