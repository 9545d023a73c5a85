import { MODELS_MOUNT } from "../../src/config/cluster-plan.ts";
import type { CellPlan, Plan } from "../../src/config/plan.ts";
import { ExitStatus, LlmbenchError } from "../../src/error.ts";
import { nsysProgram } from "../../src/profiling/nsys-words.ts";
import { profilerNotFound, profilingNotPossible } from "../../src/profiling/recorder.ts";
import { findProgram } from "../../src/servers/find-program.ts";
import { checkCommand } from "../../src/servers/start.ts";
import type { StepContext } from "../../src/steps/context.ts";
import { interruptedError } from "../../src/steps/interrupted.ts";
import { defineStep } from "../../src/steps/step.ts";
import { storedError } from "../../src/steps/stored-error.ts";
import { checkArgoVersion } from "./argo-version.ts";
import { prepare } from "./contract.ts";

/**
 * Finds or installs every engine and model before the first server starts: what is missing is said at once, and each
 * cell that lacks something has it in its status.
 */
export default defineStep(prepare, async (_input, context) => {
  const argo = context.plan.cluster === undefined ? undefined : await checkArgoVersion();
  if (argo !== undefined) context.progress({ kind: "note", text: `Argo Workflows: ${argo}` });
  const findings: LlmbenchError[] = [];
  for (const cell of context.plan.cells) {
    try {
      const session = context.session(cell.id);
      const { spec } = await session.resolve();
      if ((await session.backend()).kind === "process" && spec.container === undefined) checkCommand(spec);
      checkProfiler(context.plan.profiling, cell.server.kind);
    } catch (error) {
      if (context.signal.aborted) throw interruptedError(context.run);
      if (!(error instanceof LlmbenchError)) throw error;
      findings.push(error);
      await context.run.writeStatus({
        schemaVersion: 1,
        cell: cell.id,
        status: "failed",
        step: "prepare",
        error: storedError(error, context.mask),
        updatedAt: new Date().toISOString(),
      });
    }
  }
  const messages = [...new Map(findings.map((finding) => [finding.message, finding])).values()];
  const [first, ...others] = messages;
  if (first !== undefined) {
    if (others.length === 0) throw first;
    throw new LlmbenchError(
      "PREPARE_FAILED",
      `${messages.length} things are missing before the run can start`,
      {
        exitStatus: ExitStatus.failed,
        details: messages.flatMap((finding) => [
          `${finding.message} (${finding.code})`,
          ...finding.details.map((line) => `  ${line}`),
          ...(finding.hint === undefined ? [] : [`  what to do: ${finding.hint}`]),
        ]),
      },
    );
  }
  await removeOrphans(context);
  return {
    run: context.run.id,
    cells: context.plan.cells.map((cell) => cell.id),
    ...(argo === undefined ? {} : { argo }),
  };
});

/** Servers that a terminated run, or one whose teardown could not run, left on the nodes. */
async function removeOrphans({ cluster, progress }: StepContext): Promise<void> {
  for (const { runId, cellId, reason } of (await cluster?.removeOrphans()) ?? []) {
    progress({ kind: "note", text: `removed the server of ${cellId} in run ${runId}: ${reason}` });
  }
}

/**
 * A sweep may take hours: that its profile cannot be made is said before. In a cluster nsys is where the server is; the
 * share is seen from here as well, images are not.
 */
function checkProfiler(profiling: Plan["profiling"], kind: CellPlan["server"]["kind"]): void {
  if (profiling === undefined) return;
  if (kind === "standing") throw profilingNotPossible();
  const inCluster = kind === "kubernetes";
  if (inCluster && profiling.source.kind !== "share") return;
  const nsys = nsysProgram(profiling.source, inCluster ? MODELS_MOUNT : undefined);
  if (findProgram(nsys) === undefined) throw profilerNotFound(nsys);
}
