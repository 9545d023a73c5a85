import type { Command } from "commander";
import { longPatience, openRuns, shortPatience } from "./cluster-options.ts";

interface Options {
  readonly apply?: boolean;
  readonly run?: string;
  readonly watch?: boolean;
}

export function registerSubmit(program: Command): void {
  program
    .command("submit")
    .description("run a config on its cluster: apply what is missing or changed, and create the Workflow")
    .argument("<config>", "config file with a `cluster:`")
    .option("--apply", "also apply access, storage, models and nightly, which are otherwise only looked at")
    .option(
      "--run <name>",
      "name of the run; that of an earlier run goes on with it (default: the Workflow's)",
    )
    .option("--watch", "show how it goes until it is over; the exit status is then the run's")
    .action(async (config: string, options: Options) => {
      const { readConfig } = await import("../config/read-plan.ts");
      const { bundlesOf } = await import("../plugins/load-plugins.ts");
      const { build } = await import("../../pipelines/build.ts");
      const { clusterRun } = await import("../../pipelines/names.ts");
      const { submitRun } = await import("../workflows/submit-run.ts");
      const { afterSubmit } = await import("../workflows/after-submit.ts");
      const read = await readConfig(config, { environment: null });
      const plan = clusterRun(read.plan);
      const { cluster, name } = plan;
      const say = (line: string) => process.stderr.write(`${line}\n`);
      const { files, warnings } = build(plan, bundlesOf(read.plugins));
      for (const warning of warnings) say(`${name}: ${warning}`);
      const runs = await openRuns(
        { namespace: cluster.namespace },
        options.watch === true ? longPatience : shortPatience,
      );
      say(`${name} in namespace ${cluster.namespace} of ${runs.client.connection.server}`);
      const submitted = await submitRun(runs, {
        files,
        applyAll: options.apply === true,
        config,
        say,
        ...(options.run === undefined ? {} : { run: options.run }),
      });
      // What a script wants stands alone on stdout.
      process.stdout.write(`${submitted.run}\n`);
      for (const line of afterSubmit(submitted, cluster, process.env)) say(line);
      if (options.watch !== true) return;
      const { watchWorkflows } = await import("./watch-workflow.ts");
      process.exitCode = await watchWorkflows(runs, submitted.workflows);
    });
}
