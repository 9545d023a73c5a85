import { readRecords } from "../load/record-reader.ts";
import { assembleResults } from "../results/assemble.ts";
import type { RunFolder } from "../results/run-folder.ts";
import type { Results } from "../results/schema/results.ts";

/** A run's results: as written at its end, else (it was cut off, or still runs) from what is in its folder now. */
export async function readResults(run: RunFolder): Promise<Results> {
  const stored = await run.readResults();
  return stored.found ? stored.value : assembleResults(run, readRecords);
}
