import { ExitStatus, LlmbenchError } from "../error.ts";

/** Throws PLUGIN_INVALID unless what a plugin says is of the form expected. */
export function demand(condition: boolean, what: string): asserts condition {
  if (condition) return;
  throw new LlmbenchError("PLUGIN_INVALID", `expected ${what}`, {
    exitStatus: ExitStatus.usage,
    hint: "docs/extending.md says what a plugin holds.",
  });
}
