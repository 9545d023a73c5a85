import type { Command } from "commander";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { defaultRuns } from "./paths.ts";

export function registerStep(program: Command): void {
  program
    .command("step")
    .description(
      "run one step of a run, as a container does; prints its output as JSON, logs NDJSON to stderr",
    )
    .argument("<name>", "prepare, deploy, wait-healthy, warmup, sweep, teardown or finish")
    .requiredOption("--run <run>", "id or path of the run")
    .option("--input <json>", "what the step takes (llmbench schema step NAME)", "{}")
    .option("--out <dir>", "folder that holds runs", defaultRuns)
    .action(async (name: string, options: { run: string; input: string; out: string }) => {
      const { runStep } = await import("./run-step.ts");
      const output = await runStep(name, parseInput(options.input), options);
      process.stdout.write(`${JSON.stringify(output)}\n`);
    });
}

function parseInput(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new LlmbenchError("USAGE", `--input is not JSON: ${(error as Error).message}`, {
      exitStatus: ExitStatus.usage,
      hint: `for example --input '{"cell":"vllm--llama"}'`,
      cause: error,
    });
  }
}
