import type { Inputs, Outputs } from "./declare.ts";
import { artifactHandle, type Facts, type Owner, value } from "./handle.ts";

/** The inputs of a template, as handles for its body. */
export const bodyHandles = (inputs: Inputs, owner: Owner): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, { kind }]) => [
      name,
      kind === "artifact"
        ? artifactHandle(`{{inputs.artifacts.${name}}}`, { owner })
        : value(`{{inputs.parameters.${name}}}`, { owner }),
    ]),
  );

/** The outputs of a task, as handles for the body that the task stands in. */
export const taskHandles = (outputs: Outputs, task: string, facts: Facts): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(outputs).map(([name, { kind }]) => [
      name,
      kind === "artifact"
        ? artifactHandle(`{{tasks.${task}.outputs.artifacts.${name}}}`, facts)
        : kind === "stdout"
          ? value(`{{tasks.${task}.outputs.result}}`, facts)
          : value(`{{tasks.${task}.outputs.parameters.${name}}}`, facts),
    ]),
  );
