import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { pino } from "pino";
import { Plan } from "../config/plan.ts";
import { resolveSecrets } from "../config/secrets.ts";
import { asLlmbenchError, ExitStatus, LlmbenchError } from "../error.ts";
import { createMasker } from "../mask.ts";
import { loadPlugins } from "../plugins/load-plugins.ts";
import { openRun, type RunFolder } from "../results/run-folder.ts";
import type { CellStatus } from "../results/schema/status.ts";
import { describeHardware } from "../servers/hardware.ts";
import { createContext } from "../steps/create-context.ts";
import { interruptedError } from "../steps/interrupted.ts";
import { pluginSteps } from "../steps/plugin-step.ts";
import type { ProgressEvent } from "../steps/progress.ts";
import { StepStatus } from "../steps/step-status.ts";
import { startRun } from "./execute-run.ts";
import { watchInterrupts } from "./interrupt.ts";
import { printError } from "./print-error.ts";
import { selfCommand } from "./self-command.ts";
import {
  copyOutputs,
  progressWriter,
  terminationLog,
  writeOutputs,
  writeTerminationMessage,
} from "./step-reports.ts";
import { findStep } from "./steps.ts";

export interface RunStepOptions {
  readonly run: string;
  readonly out: string;
  readonly plan?: string;
  readonly outputs?: string;
  /** Where the file that an output names is copied to, by the output's name. */
  readonly copy?: Readonly<Record<string, string>>;
  readonly failUnlessSucceeded?: string;
  readonly failOnLeftovers?: boolean;
  readonly verbose: boolean;
}

/**
 * One step in a process of its own: output as JSON to stdout, and to files where a workflow asks for them; the log is
 * NDJSON, which is what cluster log stores take. Resolves with the exit status; errors have been printed.
 */
export async function runStep(name: string, input: unknown, options: RunStepOptions): Promise<ExitStatus> {
  let mask = (text: string) => text;
  try {
    options = { ...options, run: runIdOf(options.run) };
    const run = await findRun(name, options);
    const { plan } = run.record;
    const plugins = await loadPlugins(plan, options.plan === undefined ? undefined : dirname(options.plan));
    const step = await findStep(name, pluginSteps(plan, plugins));
    const masker = createMasker(resolveSecrets(plan, process.env).values);
    mask = masker.text;
    const log = pino({ base: { run: run.id, step: name } }, pino.destination({ dest: 2, sync: true }));
    const publish = (outputs: Readonly<Record<string, unknown>>) => {
      if (options.outputs !== undefined) writeOutputs(options.outputs, outputs);
      if (options.copy !== undefined) copyOutputs(options.copy, outputs);
    };
    const interrupts = watchInterrupts((text) => log.warn(text));
    const watchers = progressWatchers(log, masker.json);
    const context = createContext({
      run,
      hardware: await describeHardware(),
      selfCommand,
      progress: (event) => watchers.forEach((watch) => watch(event)),
      publish,
      signal: interrupts.signal,
      mask,
    });
    interrupts.onForce(() => context.killNow());
    const status = new StepStatus(run, step.name, input);
    // What a step costs before its own work: Node's start and loading.
    const begunMs = process.uptime() * 1000;
    log.info({ startupMs: Math.round(begunMs) }, "begun");
    try {
      await status.begun();
      const output = await step.run(input, context);
      publish(output as Readonly<Record<string, unknown>>);
      process.stdout.write(`${JSON.stringify(output)}\n`);
      const last =
        options.failUnlessSucceeded === undefined
          ? undefined
          : await status.tornDown(options.failUnlessSucceeded);
      failAfterwards(input, output, options, last);
      return ExitStatus.done;
    } catch (thrown) {
      const error = interrupts.signal.aborted ? asStopped(thrown, step.name, run) : asLlmbenchError(thrown);
      // A share that is full or gone: the step's own failure is the one to tell.
      await status.failed(error, mask).catch(() => {});
      throw error;
    } finally {
      log.info({ workMs: Math.round(process.uptime() * 1000 - begunMs) }, "ended");
      interrupts.dispose();
    }
  } catch (thrown) {
    const error = asLlmbenchError(thrown);
    writeTerminationMessage(terminationLog, error, mask);
    return printError(error, {
      verbose: options.verbose,
      mask,
      write: (text) => process.stderr.write(text),
    });
  }
}

/** Of a step that was told to end: what failed on the way there is no news, unless a server may have been left. */
function asStopped(thrown: unknown, step: string, run: RunFolder): LlmbenchError {
  const error = asLlmbenchError(thrown);
  const removes = step === "teardown" || step === "finish";
  return removes || error.exitStatus !== ExitStatus.failed ? error : interruptedError(run);
}

/**
 * A teardown or a finish that has done its work and fails all the same, so that the workflow shows what it was for, and
 * `argo retry` runs it again.
 */
function failAfterwards(
  input: unknown,
  output: unknown,
  options: RunStepOptions,
  last: CellStatus | undefined,
): void {
  const status = options.failUnlessSucceeded;
  if (status !== undefined && status !== "Succeeded") {
    const { cell = "the cell" } = input as { cell?: string };
    throw new LlmbenchError(
      "CELL_NOT_SUCCEEDED",
      `${cell} ended ${status}${howFailed(last)}. Its server is gone.`,
      {
        exitStatus: ExitStatus.cellFailed,
        hint: "this node only repeats it, so that `argo retry` runs it again: see the cell's other nodes",
      },
    );
  }
  const { leftovers = [] } = output as { leftovers?: readonly string[] };
  if (options.failOnLeftovers === true && leftovers.length > 0) {
    throw new LlmbenchError(
      "RUN_LEFTOVERS",
      `Servers were still there at the run's end: ${leftovers.join(", ")}.`,
      {
        hint: "they are removed now; see why the teardown of these cells did not",
      },
    );
  }
}

/** A step that was killed, or had no pod, could say nothing: the status is still that of the last one that began. */
function howFailed(last: CellStatus | undefined): string {
  const { step, status, error } = last ?? {};
  if (step === undefined) return "";
  if (error !== undefined) return ` in ${step}: ${error.message.replace(/\.$/, "")}`;
  if (status !== "running") return "";
  return ` once ${step} had begun, without a word: the pod of that step or of the next was killed (short of memory, evicted, by hand) or could not be made`;
}

function progressWatchers(
  log: pino.Logger,
  masked: (event: ProgressEvent) => object,
): ((event: ProgressEvent) => void)[] {
  const file = process.env["ARGO_PROGRESS_FILE"];
  return [
    (event) => {
      if (event.kind !== "load") log.info(masked(event), event.kind);
    },
    ...(file === undefined || file === "" ? [] : [progressWriter(file)]),
  ];
}

/** A workflow's run is called as the workflow is, unless it was given a name. */
function runIdOf(given: string): string {
  const id = given === "" ? (process.env["LLMBENCH_WORKFLOW"] ?? "") : given;
  if (id !== "") return id;
  throw new LlmbenchError("USAGE", "--run is empty, and LLMBENCH_WORKFLOW names no workflow", {
    exitStatus: ExitStatus.usage,
    hint: "llmbench list shows all runs",
  });
}

/**
 * The run that a step belongs to. `prepare` starts it from the plan that its workflow carries; called again, by a retry,
 * it finds it. Throws RUN_OTHER_PLAN where the run was started from another config, RUN_NOT_STARTED where a later step of
 * a workflow finds none.
 */
async function findRun(step: string, options: RunStepOptions): Promise<RunFolder> {
  if (options.plan === undefined) return openRun(options.run, options.out);
  if (step !== "prepare") {
    const run = await openIfThere(options);
    if (run === undefined) throw notStarted(step, options.run);
    return run;
  }
  const plan = await readResolvedPlan(options.plan);
  const run = await openIfThere(options);
  if (run === undefined) return startRun(plan, options.out, "argo", options.run);
  if (!isDeepStrictEqual(run.record.plan, plan)) {
    throw new LlmbenchError("RUN_OTHER_PLAN", `Run ${run.id} was started from another config.`, {
      exitStatus: ExitStatus.usage,
      hint: "give the workflow another run id (parameter `run`), or submit the config that the run began with",
    });
  }
  return run;
}

async function openIfThere({ run, out }: RunStepOptions): Promise<RunFolder | undefined> {
  try {
    return await openRun(run, out);
  } catch (error) {
    if (error instanceof LlmbenchError && error.code === "RUN_NOT_FOUND") return undefined;
    throw error;
  }
}

/** A workflow whose `prepare` failed before it could make the run folder still runs its `finish`. */
function notStarted(step: string, run: string): LlmbenchError {
  return new LlmbenchError(
    "RUN_NOT_STARTED",
    `Run ${run} was not started: its prepare failed, so there is nothing for ${step} to do, and nothing to report.`,
    { hint: "the node `prepare` says why; once that is mended, `argo retry` runs it again" },
  );
}

async function readResolvedPlan(file: string): Promise<Plan> {
  try {
    return Plan.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    throw new LlmbenchError("PLAN_UNREADABLE", `${file} is no resolved config: ${(error as Error).message}`, {
      exitStatus: ExitStatus.usage,
      hint: "llmbench build CONFIG makes it; version of llmbench in the image and of the build must be the same",
      cause: error,
    });
  }
}
