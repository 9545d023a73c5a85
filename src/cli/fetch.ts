import { join } from "node:path";
import type { Command } from "commander";
import { ExitStatus, LlmbenchError } from "../error.ts";
import type { WorkflowSpec } from "../workflows/workflow.ts";
import {
  type ClusterOptions,
  configOf,
  longPatience,
  openRuns,
  withClusterOptions,
} from "./cluster-options.ts";
import { watchInterrupts } from "./interrupt.ts";
import { defaultRuns } from "./paths.ts";

interface Options extends ClusterOptions {
  readonly to: string;
  readonly only?: string;
}

export function registerFetch(program: Command): void {
  withClusterOptions(
    program
      .command("fetch")
      .description("bring a run's folder from the results share of a cluster to here")
      .argument("<run>", "name of the run or of its Workflow"),
  )
    .option("--to <dir>", "folder that gets the run's folder", defaultRuns)
    .option("--only <what>", "`results`: results.json and the report, without the raw records")
    .action(async (run: string, options: Options) => {
      if (options.only !== undefined && options.only !== "results") {
        throw new LlmbenchError("USAGE", `--only takes "results"; found ${JSON.stringify(options.only)}`, {
          exitStatus: ExitStatus.usage,
          hint: "leave it out to bring everything",
        });
      }
      process.exitCode = await fetchHere(run, options);
    });
}

async function fetchHere(run: string, options: Options): Promise<ExitStatus> {
  const { findShare, withResultsPod } = await import("../workflows/results-pod.ts");
  const { fetchRun } = await import("../workflows/fetch-run.ts");
  const { formatAmount, transferView } = await import("../workflows/transfer-view.ts");
  const runs = await openRuns(options, longPatience);
  const share = await findShare(runs, run, await templateOf(options));
  const { stderr } = process;
  const interrupts = watchInterrupts((text) => stderr.write(`${text}\n`));
  const view = transferView(stderr);
  const to = join(options.to, share.run);
  stderr.write(`reading the results share of ${share.run} in namespace ${runs.namespace} through a pod\n`);
  try {
    const fetched = await withResultsPod(runs, share, interrupts.signal, (pod) =>
      fetchRun(pod, {
        run: share.run,
        to,
        onlyResults: options.only === "results",
        progress: (done, of) => view.update(done, of),
        signal: interrupts.signal,
      }),
    );
    view.close();
    const kept = fetched.kept === 0 ? "" : `; ${fetched.kept} were here already`;
    stderr.write(`${formatAmount(fetched)} came, each with the checksum that it has on the share${kept}\n`);
    stderr.write(`  llmbench show ${to}\n`);
    process.stdout.write(`${to}\n`);
    return ExitStatus.done;
  } catch (error) {
    view.close();
    if (!interrupts.signal.aborted) throw error;
    stderr.write("interrupted: the pod is removed, what came whole is kept; run it again to go on\n");
    return ExitStatus.interrupted;
  } finally {
    interrupts.dispose();
  }
}

/** For a run whose Workflow is gone: the config says where its results lie. */
async function templateOf(options: ClusterOptions): Promise<WorkflowSpec | undefined> {
  const plan = await configOf(options);
  if (plan === undefined) return undefined;
  const { benchmark } = await import("../../pipelines/benchmark.ts");
  const { clusterRun } = await import("../../pipelines/names.ts");
  return benchmark(clusterRun(plan)).object.spec;
}
