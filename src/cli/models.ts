import { type Command, Option } from "commander";
import { asLlmbenchError, ExitStatus } from "../error.ts";
import { createMasker } from "../mask.ts";
import { watchInterrupts } from "./interrupt.ts";
import { printError } from "./print-error.ts";
import { terminationLog, transferWriter, writeOutputs, writeTerminationMessage } from "./step-reports.ts";

interface FetchOptions {
  readonly to: string;
  readonly revision?: string;
  readonly endpoint?: string;
  readonly tokenEnv?: string;
  readonly include?: readonly string[];
  readonly check: "all" | "changed";
  readonly outputs?: string;
  readonly json?: boolean;
}

export function registerModels(program: Command): void {
  const models = program
    .command("models")
    .description("bring models from a hub to a folder or share, and check copies of them");
  models
    .command("fetch")
    .description(
      "fetch a model from the Hugging Face hub; goes on where it stopped, checks every file by checksum",
    )
    .argument("<repo>", "its name on the hub, for example mistralai/Mistral-7B-Instruct-v0.3")
    .requiredOption("--to <folder>", "the model's own folder, for example /models/mistral-7b-instruct-v0.3")
    .option("--revision <rev>", "branch, tag or commit (default: main)")
    .option("--endpoint <url>", "address of the hub (default: HF_ENDPOINT, else https://huggingface.co)")
    .option(
      "--token-env <name>",
      "environment variable that holds a token, which gated models need (default: HF_TOKEN, if set)",
    )
    .option(
      "--include <glob...>",
      "these files in place of the usual: safetensors, configuration, tokenizer, chat template, licence",
    )
    .addOption(
      new Option(
        "--check <which>",
        "files of a model that is there that are read for their checksum: all, or those that changed since it was right",
      )
        .choices(["all", "changed"])
        .default("all"),
    )
    .option("--json", "print what was fetched as JSON")
    .option("--outputs <dir>", "also write repo, commit, files, bytes to a file each, as workflows want them")
    .action(async (repo: string, options: FetchOptions, command: Command) => {
      const verbose = command.optsWithGlobals<{ verbose?: boolean }>().verbose === true;
      process.exitCode = await runFetch(repo, { ...options, verbose });
    });
  models
    .command("verify")
    .description("check a model's folder against its SHA256SUMS; needs no network and writes nothing")
    .argument("<folder>", "the model's folder")
    .action(async (folder: string) => {
      const { verifyModel } = await import("../hub/verify-model.ts");
      const { inBytes } = await import("../hub/meter.ts");
      const interrupts = watchInterrupts(say);
      try {
        const { files, bytes, source } = await verifyModel({
          folder,
          signal: interrupts.signal,
          report: say,
        });
        const from = source === undefined ? "" : ` (${source.repo} at ${source.commit.slice(0, 12)})`;
        process.stdout.write(`${folder}${from}: ${files} files, ${inBytes(bytes)}, all as SHA256SUMS says\n`);
      } finally {
        interrupts.dispose();
      }
    });
}

/** Errors are printed here, where the token is known and hidden, and left where Kubernetes looks for last words. */
async function runFetch(repo: string, options: FetchOptions & { verbose: boolean }): Promise<ExitStatus> {
  const { fetchModel } = await import("../hub/fetch-model.ts");
  const { inBytes } = await import("../hub/meter.ts");
  const mask = createMasker([process.env[options.tokenEnv ?? "HF_TOKEN"] ?? ""]).text;
  const interrupts = watchInterrupts(say);
  const progressFile = process.env["ARGO_PROGRESS_FILE"] ?? "";
  try {
    const fetched = await fetchModel({
      repo,
      folder: options.to,
      revision: options.revision,
      endpoint: options.endpoint,
      tokenEnv: options.tokenEnv,
      include: options.include,
      check: options.check,
      signal: interrupts.signal,
      report: (line) => say(mask(line)),
      ...(progressFile !== "" && { onProgress: transferWriter(progressFile) }),
    });
    if (options.outputs !== undefined) writeOutputs(options.outputs, { ...fetched });
    const { folder, commit, files, bytes, receivedBytes } = fetched;
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify(fetched)}\n`
        : `${folder}: ${repo} at ${commit.slice(0, 12)}, ${files} files, ${inBytes(bytes)}, complete by checksum; ${inBytes(receivedBytes)} fetched now\n`,
    );
    return ExitStatus.done;
  } catch (thrown) {
    const error = asLlmbenchError(thrown);
    writeTerminationMessage(terminationLog, error, mask);
    return printError(error, {
      verbose: options.verbose,
      mask,
      write: (text) => process.stderr.write(text),
    });
  } finally {
    interrupts.dispose();
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
