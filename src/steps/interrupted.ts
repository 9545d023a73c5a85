import { isAbsolute, relative } from "node:path";
import { ExitStatus, LlmbenchError } from "../error.ts";
import type { RunFolder } from "../results/run-folder.ts";

/** What a step throws when the run was told to stop. */
export function interruptedError(run: Pick<RunFolder, "path">): LlmbenchError {
  return new LlmbenchError("INTERRUPTED", "stopped before the end", {
    exitStatus: ExitStatus.interrupted,
    hint: `what was measured is kept; this goes on from there: ${resumeCommand(run)}`,
  });
}

/** What a person types to go on with a run, wherever it lies. */
export function resumeCommand({ path }: Pick<RunFolder, "path">): string {
  const near = relative(process.cwd(), path);
  return `llmbench run --resume ${near === "" || near.startsWith("..") || isAbsolute(near) ? path : near}`;
}
