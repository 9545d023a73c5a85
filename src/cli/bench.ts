import type { Command } from "commander";
import type { BenchOptions } from "./bench-options.ts";
import { addLoadOptions } from "./load-options.ts";
import { defaultRuns } from "./paths.ts";

export function registerBench(program: Command): void {
  addLoadOptions(
    program
      .command("bench")
      .description("measure a server that is already there, by its OpenAI-compatible API")
      .argument("<url>", "base URL, with or without /v1")
      .option(
        "--concurrency <list>",
        "requests in flight, e.g. 1,4,16 (default: 1, then doubling until throughput is flat)",
      )
      .option("--repetitions <n>", "measurements of each point", "1"),
  )
    .option("--out <dir>", "folder that holds runs", defaultRuns)
    .option("--id <name>", "id of the run (default: bench and the time)")
    .option("--json", "print results.json instead of the table")
    .action(async (url: string, _options, command: Command) => {
      const options = command.optsWithGlobals<BenchOptions>();
      const { benchPlan } = await import("./bench-plan.ts");
      const { executeRun, startRun } = await import("./execute-run.ts");
      const run = await startRun(await benchPlan(url, options), options.out, "bench", options.id);
      process.exitCode = await executeRun(run, [], {
        json: options.json === true,
        verbose: options.verbose === true,
      });
    });
}
