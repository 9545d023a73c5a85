import type { Command } from "commander";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { defaultRuns } from "./paths.ts";

interface StepOptions {
  readonly run: string;
  readonly input: string;
  readonly param?: readonly string[];
  readonly out: string;
  readonly plan?: string;
  readonly outputs?: string;
  readonly copy?: Readonly<Record<string, string>>;
  readonly failUnlessSucceeded?: string;
  readonly failOnLeftovers?: boolean;
}

export function registerStep(program: Command): void {
  program
    .command("step")
    .description(
      "run one step of a run, as a container does; prints its output as JSON, logs NDJSON to stderr",
    )
    .argument(
      "<name>",
      "prepare, deploy, wait-healthy, warmup, sweep, profile, copy-profile, teardown or finish",
    )
    .requiredOption(
      "--run <run>",
      "id or path of the run; empty: the name of the workflow, LLMBENCH_WORKFLOW",
    )
    .option("--input <json>", "what the step takes (llmbench schema step NAME)", "{}")
    .option("--param <name=value...>", "one input each, in place of --input: text, or JSON of an object")
    .option("--out <dir>", "folder that holds runs", defaultRuns)
    .option("--plan <file>", "resolved config (JSON): prepare starts the run from it if there is none yet")
    .option("--outputs <dir>", "also write each output to a file of its name, as workflows want them")
    .option(
      "--copy <output=file>",
      "copy the file whose path an output is to another place, where a workflow takes it as an artifact",
      (pair: string, pairs: Record<string, string> | undefined) => ({ ...pairs, ...parseCopy(pair) }),
    )
    .option(
      "--fail-unless-succeeded <status>",
      "once the step is done, exit 75 unless a cell's status is Succeeded",
    )
    .option(
      "--fail-on-leftovers",
      "once the step is done, exit 1 if it found servers that should have been gone",
    )
    .action(async (name: string, options: StepOptions, command: Command) => {
      const { runStep } = await import("./run-step.ts");
      const verbose = command.optsWithGlobals<{ verbose?: boolean }>().verbose === true;
      process.exitCode = await runStep(name, parseInput(options), { ...options, verbose });
    });
}

function parseInput(options: StepOptions): unknown {
  const input = parseJson(options.input);
  if (options.param === undefined) return input;
  return { ...(input as object), ...Object.fromEntries(options.param.map(parseParam)) };
}

function parseParam(text: string): [string, unknown] {
  const [name, value] = splitPair("--param", text, "cell=vllm--llama");
  return [name, value.startsWith("{") ? parseJson(value) : value];
}

function parseCopy(text: string): Record<string, string> {
  const [output, file] = splitPair("--copy", text, "report=/tmp/report.html");
  return { [output]: file };
}

function splitPair(option: string, text: string, example: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) {
    throw new LlmbenchError("USAGE", `${option} wants name=value; found ${JSON.stringify(text)}`, {
      exitStatus: ExitStatus.usage,
      hint: `for example ${option} ${example}`,
    });
  }
  return [text.slice(0, at), text.slice(at + 1)];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new LlmbenchError("USAGE", `the step's input is not JSON: ${(error as Error).message}`, {
      exitStatus: ExitStatus.usage,
      hint: `for example --input '{"cell":"vllm--llama"}'`,
      cause: error,
    });
  }
}
