import { type Command, Option } from "commander";
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
    .addOption(
      new Option(
        "--find-capacity [by]",
        "look for the rate (or the concurrency) at which the share of requests that meet --slo falls to --slo-target",
      )
        .choices(["rate", "concurrency"])
        .preset("rate"),
    )
    .option(
      "--slo-target <share>",
      "with --find-capacity: share of requests that must meet every SLO",
      "0.95",
    )
    .option(
      "--precision <share>",
      "each point goes on until half the width of the means' 95 % intervals is this share, e.g. 2%; with --find-capacity: width of its interval (default: 10%)",
    )
    .option(
      "--max-requests <n>",
      "with --precision: most requests of a point (default: 10000); with --find-capacity: in all (20000)",
    )
    .option(
      "--max-time <time>",
      "with --precision: most time of a point (default: 10m); with --find-capacity: of measuring in all, e.g. 1h",
    )
    .option("--for-rate <load>", "with --find-capacity: load of all users together, to count servers for")
    .option("--gpu-hour <price>", "price of an hour of one GPU (or of the machine), for the cost of tokens")
    .option("--gpus <n>", "with --gpu-hour: GPUs of the server", "1")
    .option("--currency <name>", "with --gpu-hour: what the price is in", "USD")
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
