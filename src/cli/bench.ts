import { type Command, Option } from "commander";
import type { BenchOptions } from "./bench-options.ts";
import { defaultRuns } from "./paths.ts";

export function registerBench(program: Command): void {
  program
    .command("bench")
    .description("measure a server that is already there, by its OpenAI-compatible API")
    .argument("<url>", "base URL, with or without /v1")
    .option("--model <name>", "model to ask for (default: the only one that /v1/models lists)")
    .addOption(new Option("--api <api>", "endpoint").choices(["chat", "completions"]).default("chat"))
    .option(
      "--concurrency <list>",
      "requests in flight, e.g. 1,4,16 (default: 1, then doubling until throughput is flat)",
    )
    .option("--rate <list>", "requests a second, e.g. 2,8 (open loop)")
    .addOption(
      new Option("--arrival <kind>", "with --rate").choices(["poisson", "constant"]).default("poisson"),
    )
    .option(
      "--max-concurrency <n>",
      "with --rate: most requests in flight; when it sweeps by itself: where it ends",
      "512",
    )
    .option("--max-tokens <list>", "output lengths, tokens", "128")
    .option("--input-tokens <list>", "prompt lengths, tokens, learned from the server's own count")
    .option(
      "--cache <contract>",
      "warm, cold, shared-prefix:TOKENS or shared-prefix:SHARE (default: warm; cold with --input-tokens)",
    )
    .option("--requests <n>", "requests a point (default: the larger of 20 and 10 x concurrency)")
    .option("--duration <time>", "length of a point instead, e.g. 30s")
    .option("--repetitions <n>", "measurements of each point", "1")
    .option("--server-metrics <time>", "how often the server's own metrics are read meanwhile, or off", "1s")
    .option("--timeout <time>", "limit of one request", "5m")
    .option("--warmup <n>", "warm-up requests", "3")
    .option("--seed <n>", "seed of arrivals and prompts", "1")
    .option("--temperature <t>", "sampling temperature", "0")
    .option("--prompt <text>", "the prompt")
    .option("--dataset <file>", "prompts: JSONL of prompts, chat messages, or ShareGPT's form")
    .option("--dialect <name>", "auto, vllm, sglang, tgi, nim, trtllm, lmdeploy, llamacpp or openai", "auto")
    .option("--api-key-env <name>", "environment variable that holds the API key")
    .option("--header <line>", "'Name: value', sent with each request; repeatable", collect, [])
    .option("--body <json>", "fields added to each request's body")
    .option("--ca <file>", "certificate authority to trust, PEM")
    .option("--save-text", "keep what was generated in the records")
    .addOption(
      new Option("--fail-on <verdict>", "exit with 3 when a verdict is as bad")
        .choices(["invalid", "suspect", "never"])
        .default("invalid"),
    )
    .option("--slo <list>", "service-level objectives, e.g. ttft:500ms,tpot:50ms")
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

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
