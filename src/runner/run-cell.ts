import copyProfile from "../../steps/copy-profile/run.ts";
import deploy from "../../steps/deploy/run.ts";
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

/** What a block of an A/B does otherwise than a cell that is measured in one go. */
export interface Block {
  /** The one repetition of each point that is measured. */
  readonly repetition: number;
  /** The cell goes on after it. */
  readonly more: boolean;
  /** Its server stays for the blocks that come. */
  readonly keepServer: boolean;
  /** Called once its server is warm, before anything is measured. */
  readonly onWarm?: (server: ServerRef) => Promise<void>;
}

/** All steps of a cell, teardown whatever happened. Resolves with what went wrong, which stands in the cell's status. */
export async function runCell(
  cell: string,
  context: StepContext,
  added: readonly PlacedStep[],
  block?: Block,
): Promise<LlmbenchError | undefined> {
  const start = performance.now();
  let current = "deploy";
  let failure: LlmbenchError | undefined;
  const enter = async (step: string) => {
    if (context.signal.aborted && step !== "teardown") throw interruptedError(context.run);
    current = step;
    context.progress({ kind: "step", cell, step });
    await writeStatus(context.run, { cell, status: "running", step });
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
    await block?.onWarm?.(server);
    await enter("sweep");
    const which = block === undefined ? {} : { repetition: block.repetition };
    server = await runAdded("sweep", (await sweep.run({ server, ...which }, context)).server);
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
  const ended = failure === undefined || failure.exitStatus === ExitStatus.verdict;
  if (!(ended && block?.keepServer === true)) {
    try {
      context.progress({ kind: "step", cell, step: "teardown" });
      await teardown.run({ cell, status: statusOfCell(failure) }, context);
    } catch (error) {
      failure ??= asLlmbenchError(error);
    }
  }
  const status = failure === undefined || failure.exitStatus === ExitStatus.verdict ? "done" : endOf(failure);
  try {
    await writeStatus(context.run, {
      cell,
      status: status === "done" && block?.more === true ? "running" : status,
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
  return failure;
}

function endOf(failure: LlmbenchError): "failed" | "interrupted" {
  return failure.exitStatus === ExitStatus.interrupted ? "interrupted" : "failed";
}

function statusOfCell(failure: LlmbenchError | undefined) {
  if (failure === undefined) return "Succeeded";
  return failure.exitStatus === ExitStatus.interrupted ? "Interrupted" : "Failed";
}

export function writeStatus(
  run: StepContext["run"],
  status: Omit<CellStatus, "schemaVersion" | "updatedAt">,
): Promise<void> {
  return run.writeStatus({ schemaVersion: 1, ...status, updatedAt: new Date().toISOString() });
}
