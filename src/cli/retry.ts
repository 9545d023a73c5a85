import type { Command } from "commander";
import { ExitStatus } from "../error.ts";
import { type ClusterOptions, openRuns, withClusterOptions } from "./cluster-options.ts";

export function registerRetry(program: Command): void {
  withClusterOptions(
    program
      .command("retry")
      .description("run again what failed of a run on a cluster, by argo or its server")
      .argument("<run>", "name of the run or of its Workflow"),
  )
    .option("--cell <cell>", "run this cell again from deploy")
    .action(async (run: string, options: ClusterOptions & { readonly cell?: string }) => {
      const { describeRun } = await import("../workflows/run-status.ts");
      const { argoWords, planRetry, requestRetry, shellLine } = await import("../workflows/retry-run.ts");
      const { untilPodsEnded } = await import("../workflows/until-pods-ended.ts");
      const runs = await openRuns(options);
      const status = describeRun(await runs.find(run));
      const { namespace, workflow } = status;
      const { request, notes } = planRetry(status, options.cell);
      for (const note of notes) process.stderr.write(`${note}\n`);
      await untilPodsEnded(runs, workflow, (text) => process.stderr.write(`${text}\n`));
      const by = await requestRetry(namespace, workflow, request);
      if (by === undefined) {
        process.stderr.write("argo is not on PATH, and ARGO_SERVER is not set. This is the command:\n");
        process.stdout.write(`${shellLine(["argo", ...argoWords(namespace, workflow, request)])}\n`);
        process.exitCode = ExitStatus.failed;
        return;
      }
      process.stderr.write(
        `${workflow} is taken up again (by ${by === "argo" ? "argo" : "the Argo server"})\n`,
      );
      process.stderr.write(`  look  llmbench status ${workflow} -n ${namespace} --watch\n`);
    });
}
