import { readRecords } from "../load/record-reader.ts";
import { assembleResults } from "../results/assemble.ts";
import type { RunFolder } from "../results/run-folder.ts";
import type { Results } from "../results/schema/results.ts";

/** A run's results: as written at its end, else (it was cut off, or still runs) from what is in its folder now. */
export async function readResults(run: RunFolder): Promise<Results> {
  const stored = await run.readResults();
  return stored.found && (await isCurrent(run, stored.value))
    ? stored.value
    : assembleResults(run, readRecords);
}

/** Results are out of date once a cell was taken up again. */
async function isCurrent(run: RunFolder, { run: { finishedAt } }: Results): Promise<boolean> {
  if (finishedAt === undefined) return false;
  for (const { id } of run.record.plan.cells) {
    const status = await run.readStatus(id);
    if (status.found && status.value.updatedAt > finishedAt) return false;
  }
  return true;
}
