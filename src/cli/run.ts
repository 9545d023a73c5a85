import type { Command } from "commander";
import type { Plan } from "../config/plan.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { defaultRuns } from "./paths.ts";

interface Options {
  readonly out: string;
  readonly resume?: string;
  readonly id?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

export function registerRun(program: Command): void {
  program
    .command("run")
    .description("deploy, warm up, measure and take down every cell of a config on this machine")
    .argument("[config]", "YAML config (see configs/)")
    .option("--resume <run>", "go on with a run (id or path): finished measurements are kept")
    .option("--out <dir>", "folder that holds runs", defaultRuns)
    .option("--id <name>", "id of the new run (default: config's name and the time)")
    .option("--json", "print results.json instead of the table")
    .action(async (config: string | undefined, _options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { executeRun } = await import("./execute-run.ts");
      const { run, plugins } = await prepareFolder(config, options);
      process.exitCode = await executeRun(run, plugins, {
        json: options.json === true,
        verbose: options.verbose === true,
      });
    });
}

async function prepareFolder(config: string | undefined, options: Options) {
  if (options.resume !== undefined) {
    if (config !== undefined || options.id !== undefined) {
      throw new LlmbenchError(
        "USAGE",
        "--resume goes on with the config of the run; a config or --id beside it has no meaning",
        {
          exitStatus: ExitStatus.usage,
          hint: "leave out the config, or start a new run without --resume",
        },
      );
    }
    const { openRun } = await import("../results/run-folder.ts");
    const run = await openRun(options.resume, options.out);
    refuseCluster(run.record.plan, run.id);
    const { loadPlugins } = await import("../plugins/load-plugins.ts");
    return { run, plugins: await loadPlugins(run.record.plan) };
  }
  if (config === undefined) {
    throw new LlmbenchError("USAGE", "which config?", {
      exitStatus: ExitStatus.usage,
      hint: "llmbench run configs/local.yaml, or llmbench init > my.yaml for one of your own",
    });
  }
  const { readConfig } = await import("../config/read-plan.ts");
  const { startRun } = await import("./execute-run.ts");
  const { plan, plugins } = await readConfig(config);
  refuseCluster(plan, config);
  return { run: await startRun(plan, options.out, "local", options.id), plugins };
}

/** A config with a cluster is run by the cluster. */
function refuseCluster({ cluster, source }: Plan, name: string): void {
  if (cluster === undefined) return;
  const config = source?.file ?? name;
  throw new LlmbenchError(
    "CONFIG_FOR_CLUSTER",
    `${name} runs on a cluster (namespace ${cluster.namespace}), not here.`,
    {
      exitStatus: ExitStatus.usage,
      hint: `llmbench submit ${config} runs it there; llmbench build ${config} writes its workflow. To run it here instead, take out cluster, and give engines and models places on this machine.`,
    },
  );
}
