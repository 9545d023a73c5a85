import { ExitStatus, LlmbenchError } from "../../src/error.ts";
import { defineStep } from "../../src/steps/step.ts";
import { prepare } from "./contract.ts";

/** Finds or installs every engine and model before the first server starts: what is missing is said at once. */
export default defineStep(prepare, async (_input, context) => {
  const findings: LlmbenchError[] = [];
  for (const cell of context.plan.cells) {
    try {
      await context.session(cell.id).resolve();
    } catch (error) {
      if (!(error instanceof LlmbenchError)) throw error;
      findings.push(error);
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
  return { run: context.run.id, cells: context.plan.cells.map((cell) => cell.id) };
});
