import deploy from "../../steps/deploy/run.ts";
import finish from "../../steps/finish/run.ts";
import prepare from "../../steps/prepare/run.ts";
import sweep from "../../steps/sweep/run.ts";
import teardown from "../../steps/teardown/run.ts";
import waitHealthy from "../../steps/wait-healthy/run.ts";
import warmup from "../../steps/warmup/run.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";
import type { CellStatus, StepName, StoredError } from "../results/schema/status.ts";
import type { StepContext } from "../steps/context.ts";
import { interruptedError } from "../steps/interrupted.ts";
import type { ServerRef } from "../steps/server-ref.ts";

export interface RunOutcome {
  readonly exitStatus: ExitStatus;
  /** Of the cells that did not end well. */
  readonly errors: readonly { readonly cell: string; readonly error: LlmbenchError }[];
  readonly results: string;
  readonly report: string;
}

/**
 * The local executor: the steps of every cell in order, one cell after the other. A cell that fails leaves the others
 * alone; teardown runs whatever happened; the report is written from whatever was measured.
 */
export async function runCells(context: StepContext): Promise<RunOutcome> {
  const errors: { cell: string; error: LlmbenchError }[] = [];
  await prepare.run({}, context);
  const { cells } = context.plan;
  for (const [index, { id }] of cells.entries()) {
    if (context.signal.aborted) break;
    context.progress({ kind: "cell-started", cell: id, index: index + 1, of: cells.length });
    const error = await runCell(id, context);
    if (error !== undefined) errors.push({ cell: id, error });
  }
  context.progress({ kind: "step", step: "finish" });
  const { results, report } = await finish.run({}, context);
  return { exitStatus: exitStatusOf(context, errors), errors, results, report };
}

async function runCell(cell: string, context: StepContext): Promise<LlmbenchError | undefined> {
  const start = performance.now();
  let current: StepName = "deploy";
  let failure: LlmbenchError | undefined;
  const enter = async (step: StepName) => {
    if (context.signal.aborted && step !== "teardown") throw interruptedError();
    current = step;
    context.progress({ kind: "step", cell, step });
    await writeStatus(context, { cell, status: "running", step });
  };
  try {
    await enter("deploy");
    let server: ServerRef = (await deploy.run({ cell }, context)).server;
    await enter("wait-healthy");
    server = (await waitHealthy.run({ server }, context)).server;
    await enter("warmup");
    server = (await warmup.run({ server }, context)).server;
    await enter("sweep");
    await sweep.run({ server }, context);
  } catch (error) {
    failure = context.signal.aborted ? interruptedError() : asError(error);
  }
  const failedStep = current;
  try {
    context.progress({ kind: "step", cell, step: "teardown" });
    await teardown.run({ cell, status: statusOfCell(failure) }, context);
  } catch (error) {
    failure ??= asError(error);
  }
  const status = failure === undefined || failure.exitStatus === ExitStatus.verdict ? "done" : endOf(failure);
  try {
    await writeStatus(context, {
      cell,
      status,
      ...(status === "failed" ? { step: failedStep } : {}),
      ...(failure === undefined ? {} : { error: stored(failure, context.mask) }),
    });
  } catch (error) {
    // A full disk: the first failure is the one to tell, and this run cannot write it down.
    failure ??= asError(error);
  }
  context.progress({
    kind: "cell-finished",
    cell,
    status,
    seconds: (performance.now() - start) / 1000,
    ...(failure === undefined ? {} : { message: context.mask(failure.message) }),
  });
  return failure;
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

function stored(error: LlmbenchError, mask: (text: string) => string): StoredError {
  return {
    code: error.code,
    message: mask(error.message),
    ...(error.hint === undefined ? {} : { hint: mask(error.hint) }),
    ...(error.details.length === 0 ? {} : { details: error.details.map(mask) }),
  };
}

/** A fault of ours reaches the person as one error among others, with its stack under --verbose. */
function asError(error: unknown): LlmbenchError {
  if (error instanceof LlmbenchError) return error;
  return new LlmbenchError("INTERNAL", error instanceof Error ? error.message : String(error), {
    hint: "this is a fault of llmbench itself; run again with --verbose and report what it prints",
    cause: error,
  });
}

function exitStatusOf(context: StepContext, errors: readonly { error: LlmbenchError }[]): ExitStatus {
  if (context.signal.aborted) return ExitStatus.interrupted;
  if (errors.some(({ error }) => error.exitStatus !== ExitStatus.verdict)) return ExitStatus.failed;
  return errors.length > 0 ? ExitStatus.verdict : ExitStatus.done;
}
