import { type Command, Option } from "commander";

/** What is sent to a server that stands, and how: of `bench`, and of `ab` with two URLs. */
export function addLoadOptions(command: Command): Command {
  return command
    .option("--model <name>", "model to ask for (default: the only one that /v1/models lists)")
    .addOption(new Option("--api <api>", "endpoint").choices(["chat", "completions"]).default("chat"))
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
    .option("--no-error-bars", "do not replay each load once to find out what the client itself adds")
    .option("--workers <n>", "threads that send and read the load, each with its share of it", "1")
    .option("--slo <list>", "service-level objectives, e.g. ttft:500ms,tpot:50ms");
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
