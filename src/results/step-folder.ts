import { isDeepStrictEqual } from "node:util";
import { moveAside } from "./move-aside.ts";
import type { RunFolder } from "./run-folder.ts";
import { StepSummary } from "./schema/step.ts";
import { diskFiles, readStored, type Stored, storeJson } from "./stored-json.ts";

/** Makes the folder of a plugin's step, empty: what an earlier try left there moves to `attempt-<n>/` in it. */
export async function beginStep(run: RunFolder, cell: string, step: string): Promise<string> {
  const { folder } = run.paths.step(cell, step);
  await moveAside(folder, diskFiles);
  return folder;
}

/** Writes summary.json, which says that the step is done; its files must be there before. */
export function finishStep(run: RunFolder, summary: StepSummary): Promise<void> {
  return storeJson(run.paths.step(summary.cell, summary.step).summary, StepSummary.parse(summary));
}

export function readStep(run: RunFolder, cell: string, step: string): Promise<Stored<StepSummary>> {
  return readStored(run.paths.step(cell, step).summary, StepSummary);
}

/** What a step found that need not be run again: the same code, given the same, on the same server. */
export async function finishedStep(
  run: RunFolder,
  cell: string,
  step: string,
  asked: Pick<StepSummary, "specHash" | "plugin" | "input">,
): Promise<StepSummary | undefined> {
  const stored = await readStep(run, cell, step);
  if (!stored.found) return undefined;
  const { specHash, plugin, input } = stored.value;
  const same =
    specHash === asked.specHash &&
    plugin.sha256 === asked.plugin.sha256 &&
    isDeepStrictEqual(input, asked.input);
  return same ? stored.value : undefined;
}
