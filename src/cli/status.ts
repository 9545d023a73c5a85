import type { Command } from "commander";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { type ClusterOptions, longPatience, openRuns, withClusterOptions } from "./cluster-options.ts";
import { columnsOf, wantsColor } from "./terminal.ts";

interface Options extends ClusterOptions {
  readonly json?: boolean;
  readonly watch?: boolean;
}

export function registerStatus(program: Command): void {
  withClusterOptions(
    program
      .command("status")
      .description("how a run on a cluster goes: its cells, what failed, what waits; without RUN all runs")
      .argument("[run]", "name of the run or of its Workflow"),
  )
    .option("--watch", "show how it goes until it is over; the exit status is then the run's")
    .option("--json", "print JSON")
    .action(async (run: string | undefined, options: Options) => {
      if (options.watch === true) {
        process.exitCode = await watch(run, options);
        return;
      }
      const runs = await openRuns(options);
      const { describeRun } = await import("../workflows/run-status.ts");
      const { renderRuns, renderStatus } = await import("../workflows/render-status.ts");
      const { withServerWaits } = await import("../workflows/server-waits.ts");
      const { stdout } = process;
      const style = { columns: columnsOf(stdout), color: wantsColor(stdout), nowMs: Date.now() };
      const print = (value: unknown) => stdout.write(`${JSON.stringify(value, null, 2)}\n`);
      if (run === undefined) {
        const all = (await runs.list()).map(describeRun);
        if (options.json === true) print(all);
        else if (all.length === 0) process.stderr.write(`no runs in namespace ${runs.namespace}\n`);
        else stdout.write(renderRuns(all, style));
        return;
      }
      const status = await withServerWaits(runs, describeRun(await runs.find(run)));
      if (options.json === true) print(status);
      else stdout.write(renderStatus(status, style));
    });
}

async function watch(run: string | undefined, options: Options): Promise<ExitStatus> {
  if (run === undefined || options.json === true) {
    throw new LlmbenchError("USAGE", "--watch wants one run, and no --json", {
      exitStatus: ExitStatus.usage,
      hint: "llmbench status lists the runs",
    });
  }
  const runs = await openRuns(options, longPatience);
  const { metadata } = await runs.find(run);
  const { watchWorkflows } = await import("./watch-workflow.ts");
  return await watchWorkflows(runs, [metadata?.name ?? run]);
}
