import { ExitStatus, LlmbenchError } from "../../src/error.ts";
import { checkCommand } from "../../src/servers/start.ts";
import { interruptedError } from "../../src/steps/interrupted.ts";
import { defineStep } from "../../src/steps/step.ts";
import { storedError } from "../../src/steps/stored-error.ts";
import { prepare } from "./contract.ts";

/**
 * Finds or installs every engine and model before the first server starts: what is missing is said at once, and each
 * cell that lacks something has it in its status.
 */
export default defineStep(prepare, async (_input, context) => {
  const findings: LlmbenchError[] = [];
  for (const cell of context.plan.cells) {
    try {
      const session = context.session(cell.id);
      const { spec } = await session.resolve();
      if ((await session.backend()).kind === "process" && spec.container === undefined) checkCommand(spec);
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
  return { run: context.run.id, cells: context.plan.cells.map((cell) => cell.id) };
});
