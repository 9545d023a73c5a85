import { fails } from "../results/verdict.ts";
import type { StepContext } from "../steps/context.ts";
import type { PlacedStep } from "../steps/plugin-step.ts";

/**
 * Whether a resumed run has nothing left to do in a cell, so that its server need not even start: every measurement is
 * there, made on this very server, and none has a verdict that would fail the run; so is what steps of plugins found. Where only the server can tell what is
 * still to do (a sweep that searches, a profile), it is started.
 */
export async function isCellFinished(
  { run, plan, session }: StepContext,
  added: readonly PlacedStep[],
  id: string,
): Promise<boolean> {
  const { cell } = session(id);
  if (
    cell.autoSweep !== undefined ||
    cell.capacitySearches !== undefined ||
    plan.profiling !== undefined ||
    cell.points.length === 0
  )
    return false;
  const status = await run.readStatus(id);
  if (!status.found || status.value.status !== "done") return false;
  const { specHash } = (await session(id).resolve()).spec;
  for (const point of cell.points) {
    for (let repetition = 1; repetition <= (point.repetitions ?? cell.repetitions); repetition++) {
      const kept = await run.finishedMeasurement(id, point, repetition, { specHash, failOn: plan.failOn });
      if (kept === undefined || fails(kept.verdict.status, plan.failOn)) return false;
    }
  }
  for (const { isDone } of added) if (!(await isDone(run, id, specHash))) return false;
  return true;
}
