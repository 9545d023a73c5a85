import type { z } from "zod";
import { LlmbenchError } from "../error.ts";
import type { StepContext } from "./context.ts";

/** What a step takes and gives: all that a pipeline may know of it. */
export interface StepContract<Input = unknown, Output = unknown> {
  readonly name: string;
  readonly input: z.ZodType<Input>;
  readonly output: z.ZodType<Output>;
}

export interface Step<Input, Output> extends StepContract<Input, Output> {
  /** Runs the step; idempotent: run twice, it ends in the same state. */
  run(input: Input, context: StepContext): Promise<Output>;
}

/** Binds a contract to its code; input and output are checked at the border, also when both ends are ours. */
export function defineStep<Input, Output>(
  contract: StepContract<Input, Output>,
  run: (input: Input, context: StepContext) => Promise<Output>,
): Step<Input, Output> {
  return {
    ...contract,
    async run(input, context) {
      const checked = contract.input.safeParse(input);
      if (!checked.success) throw badInput(contract.name, checked.error);
      return contract.output.parse(await run(checked.data, context));
    },
  };
}

function badInput(step: string, error: z.ZodError): LlmbenchError {
  return new LlmbenchError("STEP_INPUT_INVALID", `step ${step}: its input does not fit`, {
    exitStatus: 2,
    hint: `llmbench schema step ${step} prints what it takes`,
    details: error.issues.map((issue) => `${issue.path.join(".") || "(top)"}: ${issue.message}`),
  });
}
