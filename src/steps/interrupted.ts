import { ExitStatus, LlmbenchError } from "../error.ts";

/** What a step throws when the run was told to stop. */
export function interruptedError(): LlmbenchError {
  return new LlmbenchError("INTERRUPTED", "stopped before the end", {
    exitStatus: ExitStatus.interrupted,
    hint: "what was measured is kept; llmbench run --resume goes on from there",
  });
}
