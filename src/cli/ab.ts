import type { Command } from "commander";
import { AB_DEFAULTS } from "../config/defaults.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";
import type { BenchOptions } from "./bench-options.ts";
import { addLoadOptions } from "./load-options.ts";
import { defaultRuns } from "./paths.ts";

interface Options extends BenchOptions {
  readonly a?: string;
  readonly b?: string;
  readonly engine?: string;
  readonly pairs?: string;
  readonly resume?: string;
  readonly failOnWorse?: boolean;
}

/** What goes with a config; all other options say what is sent to two URLs. */
const withConfig = new Set([
  "engine",
  "model",
  "pairs",
  "resume",
  "failOnWorse",
  "out",
  "id",
  "json",
  "verbose",
]);

export function registerAb(program: Command): void {
  const command = program
    .command("ab")
    .description("compare two variants of a config, or two servers: is the difference real?")
    .argument("[config]", "YAML config with two variants of one model")
    .option("--a <url>", "instead of a config: a server that stands, which is compared with")
    .option("--b <url>", "and the one that is better or worse than it")
    .option("--pairs <n>", `pairs of blocks, ${AB_DEFAULTS.pairs} or more (default: the config's, else 6)`)
    .option("--engine <names>", "the two variants of a config with more, e.g. vllm,sglang")
    .option("--resume <run>", "go on with an ab (id or path): whole pairs are kept")
    .option("--fail-on-worse", "exit with 4 where B is worse in anything")
    .option("--concurrency <list>", "requests in flight, e.g. 1,4,16 (default: 1)");
  addLoadOptions(command)
    .option("--out <dir>", "folder that holds runs", defaultRuns)
    .option("--id <name>", "id of the run (default: name and time)")
    .option("--json", "print results.json instead of the table")
    .addHelpText(
      "after",
      "\n--model, with a config, chooses one of its models. docs/comparing.md says how it compares.",
    )
    .action(async (config: string | undefined, _options, action: Command) => {
      const options = action.optsWithGlobals<Options>();
      const { executeRun } = await import("./execute-run.ts");
      const { run, plugins } = await prepareRun(config, options, givenNames(action));
      const status = await executeRun(run, plugins, {
        json: options.json === true,
        verbose: options.verbose === true,
      });
      process.exitCode =
        options.failOnWorse === true && status === ExitStatus.done && (await isWorse(run))
          ? ExitStatus.worse
          : status;
    });
}

type Runnable = Awaited<ReturnType<typeof prepareRun>>["run"];

async function isWorse(run: Runnable): Promise<boolean> {
  const stored = await run.readResults();
  return stored.found && stored.value.ab?.comparisons.some(({ finding }) => finding === "worse") === true;
}

async function prepareRun(config: string | undefined, options: Options, given: readonly string[]) {
  const { startRun } = await import("./execute-run.ts");
  if (options.resume !== undefined) {
    if (given.some((name) => !["resume", "out", "json", "failOnWorse", "verbose"].includes(name)) || config)
      throw usage(
        "--resume goes on with what the run was given; a config, URLs or a load beside it have no meaning",
        "leave them out, or start a new run without --resume",
      );
    const { openRun } = await import("../results/run-folder.ts");
    const { loadPlugins } = await import("../plugins/load-plugins.ts");
    const run = await openRun(options.resume, options.out);
    if (run.record.ab === undefined)
      throw usage(`${run.id} is no ab`, `go on with it by llmbench run --resume ${run.id}`);
    return { run, plugins: await loadPlugins(run.record.plan) };
  }
  const pairs = options.pairs === undefined ? undefined : pairsOf(options.pairs);
  if (config !== undefined) {
    const other = given.find((name) => !withConfig.has(name));
    if (other !== undefined)
      throw usage(
        `a config says its servers and its load itself: --${dashed(other)} goes with --a and --b`,
        `leave it out, or write it in ${config}`,
      );
    const { readConfig } = await import("../config/read-plan.ts");
    const { chooseCells } = await import("./choose-cells.ts");
    const { abOfConfig } = await import("./ab-plan.ts");
    const { plan: whole, plugins } = await readConfig(config);
    const chosen = chooseCells(whole, {
      ...(options.engine === undefined ? {} : { engine: options.engine.split(",") }),
      ...(options.model === undefined ? {} : { model: [options.model] }),
    });
    const { plan, design } = abOfConfig(chosen, config, pairs);
    return { run: await startRun(plan, options.out, "local", options.id, design), plugins };
  }
  if (options.a === undefined || options.b === undefined)
    throw usage(
      "what is to be compared?",
      "a config with two variants: llmbench ab my.yaml; or two servers: llmbench ab --a URL --b URL",
    );
  if (options.engine !== undefined)
    throw usage("--engine chooses variants of a config", "leave it out: --a and --b are the two");
  const { abOfUrls } = await import("./ab-plan.ts");
  const { plan, design } = await abOfUrls([options.a, options.b], options, pairs);
  return { run: await startRun(plan, options.out, "bench", options.id, design), plugins: [] };
}

/** Options that the person gave, by their names in the code. */
function givenNames(command: Command): string[] {
  return Object.keys(command.optsWithGlobals()).filter(
    (name) => command.getOptionValueSourceWithGlobals(name) === "cli",
  );
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function pairsOf(text: string): number {
  const pairs = Number(text);
  if (Number.isInteger(pairs) && pairs >= AB_DEFAULTS.pairs && pairs <= 1000) return pairs;
  throw usage(
    `--pairs ${text}: at least ${AB_DEFAULTS.pairs} pairs are needed`,
    `a whole number from ${AB_DEFAULTS.pairs} to 1000; with fewer next to nothing is found`,
  );
}

const usage = (message: string, hint: string) =>
  new LlmbenchError("USAGE", message, { exitStatus: ExitStatus.usage, hint });
