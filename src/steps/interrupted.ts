import { isAbsolute, relative } from "node:path";
import { ExitStatus, LlmbenchError } from "../error.ts";
import type { RunFolder } from "../results/run-folder.ts";

/** What a step throws when the run was told to stop. */
export function interruptedError(run: Pick<RunFolder, "path" | "record">): LlmbenchError {
  return new LlmbenchError("INTERRUPTED", `${whatStopped(run)} before the end`, {
    exitStatus: ExitStatus.interrupted,
    hint: `what was measured is kept; this goes on from there: ${resumeCommand(run)}`,
  });
}

/** In a pod only the signal is known, not who sent it. */
function whatStopped({ record }: Pick<RunFolder, "record">): string {
  return inWorkflow(record) === undefined
    ? "stopped"
    : "the step's pod was told to end (a stop, a deadline, or its node)";
}

/** What a person types to go on with a run, wherever it lies. */
export function resumeCommand({ path, record }: Pick<RunFolder, "path" | "record">): string {
  const workflow = inWorkflow(record);
  if (workflow !== undefined) return `argo retry -n ${record.plan.cluster?.namespace} ${workflow}`;
  const near = relative(process.cwd(), path);
  const command = record.ab === undefined ? "run" : "ab";
  return `llmbench ${command} --resume ${near === "" || near.startsWith("..") || isAbsolute(near) ? path : near}`;
}

/** The workflow whose step this process is. */
function inWorkflow({ plan }: RunFolder["record"]): string | undefined {
  const workflow = process.env["LLMBENCH_WORKFLOW"];
  return plan.cluster === undefined || workflow === "" ? undefined : workflow;
}
