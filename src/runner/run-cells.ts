import finish from "../../steps/finish/run.ts";
import prepare from "../../steps/prepare/run.ts";
import { ExitStatus, type LlmbenchError } from "../error.ts";
import type { StepContext } from "../steps/context.ts";
import { interruptedError } from "../steps/interrupted.ts";
import type { PlacedStep } from "../steps/plugin-step.ts";
import { isCellFinished } from "./finished-cell.ts";
import { runCell } from "./run-cell.ts";

export interface RunOutcome {
  readonly exitStatus: ExitStatus;
  readonly results: string;
  readonly report: string;
}

/**
 * The local executor: the steps of every cell in order, one cell after the other. A cell that fails leaves the others
 * alone; teardown runs whatever happened; the report is written from whatever was measured. `tell` gets each cell's error
 * as soon as the cell has ended, and that of a run that was stopped between two cells. `added`: steps of plugins.
 */
export async function runCells(
  context: StepContext,
  added: readonly PlacedStep[],
  tell: (error: LlmbenchError) => void,
): Promise<RunOutcome> {
  const errors: LlmbenchError[] = [];
  const told = (error: LlmbenchError) => {
    errors.push(error);
    tell(error);
  };
  await prepare.run({}, context);
  const { cells } = context.plan;
  for (const [index, { id }] of cells.entries()) {
    if (context.signal.aborted) break;
    context.progress({ kind: "cell-started", cell: id, index: index + 1, of: cells.length });
    if (await isCellFinished(context, added, id)) {
      context.progress({ kind: "note", cell: id, text: "everything of it was measured before" });
      context.progress({ kind: "cell-finished", cell: id, status: "done", seconds: 0 });
      continue;
    }
    const failure = await runCell(id, context, added);
    if (failure !== undefined) told(failure);
  }
  return await finishRun(context, errors, told);
}

/** Writes results and report of whatever was measured. `told` gets the error of a run that was stopped between two cells. */
export async function finishRun(
  context: StepContext,
  errors: readonly LlmbenchError[],
  told: (error: LlmbenchError) => void,
): Promise<RunOutcome> {
  if (context.signal.aborted && errors.every(({ exitStatus }) => exitStatus !== ExitStatus.interrupted))
    told(interruptedError(context.run));
  context.calibrator?.close();
  await context.clients.close();
  context.progress({ kind: "step", step: "finish" });
  const { results, report } = await finish.run({}, context);
  return { exitStatus: exitStatusOf(context, errors), results, report };
}

function exitStatusOf(context: StepContext, errors: readonly LlmbenchError[]): ExitStatus {
  if (context.signal.aborted) return ExitStatus.interrupted;
  if (errors.some(({ exitStatus }) => exitStatus !== ExitStatus.verdict)) return ExitStatus.failed;
  return errors.length > 0 ? ExitStatus.verdict : ExitStatus.done;
}
