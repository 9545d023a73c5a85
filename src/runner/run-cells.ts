import copyProfile from "../../steps/copy-profile/run.ts";
import deploy from "../../steps/deploy/run.ts";
import finish from "../../steps/finish/run.ts";
import prepare from "../../steps/prepare/run.ts";
import profile from "../../steps/profile/run.ts";
import sweep from "../../steps/sweep/run.ts";
import teardown from "../../steps/teardown/run.ts";
import waitHealthy from "../../steps/wait-healthy/run.ts";
import warmup from "../../steps/warmup/run.ts";
import { asLlmbenchError, ExitStatus, type LlmbenchError } from "../error.ts";
import type { CellStatus } from "../results/schema/status.ts";
import type { StepContext } from "../steps/context.ts";
import { interruptedError } from "../steps/interrupted.ts";
import type { PlacedStep } from "../steps/plugin-step.ts";
import type { ServerRef } from "../steps/server-ref.ts";
import { storedError } from "../steps/stored-error.ts";
import { isCellFinished } from "./finished-cell.ts";

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
    await runCell(id, context, added, told);
  }
  if (context.signal.aborted && errors.every(({ exitStatus }) => exitStatus !== ExitStatus.interrupted))
    told(interruptedError(context.run));
  context.progress({ kind: "step", step: "finish" });
  const { results, report } = await finish.run({}, context);
  return { exitStatus: exitStatusOf(context, errors), results, report };
}

async function runCell(
  cell: string,
  context: StepContext,
  added: readonly PlacedStep[],
  told: (error: LlmbenchError) => void,
): Promise<void> {
  const start = performance.now();
  let current = "deploy";
  let failure: LlmbenchError | undefined;
  const enter = async (step: string) => {
    if (context.signal.aborted && step !== "teardown") throw interruptedError(context.run);
    current = step;
    context.progress({ kind: "step", cell, step });
    await writeStatus(context, { cell, status: "running", step });
  };
  /** The steps of plugins that come after one, in order. */
  const runAdded = async (place: PlacedStep["after"], server: ServerRef): Promise<ServerRef> => {
    for (const { after, step } of added) {
      if (after !== place) continue;
      await enter(step.name);
      server = (await step.run({ server }, context)).server;
    }
    return server;
  };
  try {
    await enter("deploy");
    let server: ServerRef = (await deploy.run({ cell }, context)).server;
    await enter("wait-healthy");
    server = await runAdded("wait-healthy", (await waitHealthy.run({ server }, context)).server);
    await enter("warmup");
    server = await runAdded("warmup", (await warmup.run({ server }, context)).server);
    await enter("sweep");
    server = await runAdded("sweep", (await sweep.run({ server }, context)).server);
    if (context.plan.profiling !== undefined) {
      await enter("profile");
      const { report } = await profile.run({ server }, context);
      await enter("copy-profile");
      await copyProfile.run({ report }, context);
    }
  } catch (error) {
    failure = context.signal.aborted ? interruptedError(context.run) : asLlmbenchError(error);
  }
  const failedStep = current;
  try {
    context.progress({ kind: "step", cell, step: "teardown" });
    await teardown.run({ cell, status: statusOfCell(failure) }, context);
  } catch (error) {
    failure ??= asLlmbenchError(error);
  }
  const status = failure === undefined || failure.exitStatus === ExitStatus.verdict ? "done" : endOf(failure);
  try {
    await writeStatus(context, {
      cell,
      status,
      ...(status === "failed" ? { step: failedStep } : {}),
      ...(failure === undefined ? {} : { error: storedError(failure, context.mask) }),
    });
  } catch (error) {
    // A full disk: the first failure is the one to tell, and this run cannot write it down.
    failure ??= asLlmbenchError(error);
  }
  context.progress({
    kind: "cell-finished",
    cell,
    status,
    seconds: (performance.now() - start) / 1000,
  });
  if (failure !== undefined) told(failure);
}

function endOf(failure: LlmbenchError): "failed" | "interrupted" {
  return failure.exitStatus === ExitStatus.interrupted ? "interrupted" : "failed";
}

function statusOfCell(failure: LlmbenchError | undefined) {
  if (failure === undefined) return "Succeeded";
  return failure.exitStatus === ExitStatus.interrupted ? "Interrupted" : "Failed";
}

function writeStatus(
  context: StepContext,
  status: Omit<CellStatus, "schemaVersion" | "updatedAt">,
): Promise<void> {
  return context.run.writeStatus({ schemaVersion: 1, ...status, updatedAt: new Date().toISOString() });
}

function exitStatusOf(context: StepContext, errors: readonly LlmbenchError[]): ExitStatus {
  if (context.signal.aborted) return ExitStatus.interrupted;
  if (errors.some(({ exitStatus }) => exitStatus !== ExitStatus.verdict)) return ExitStatus.failed;
  return errors.length > 0 ? ExitStatus.verdict : ExitStatus.done;
}
