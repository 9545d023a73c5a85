import { ExitStatus, LlmbenchError } from "../error.ts";
import type { PlacedStep } from "../steps/plugin-step.ts";
import type { Step } from "../steps/step.ts";

/** One line a step. */
const steps = {
  prepare: () => import("../../steps/prepare/run.ts"),
  deploy: () => import("../../steps/deploy/run.ts"),
  "wait-healthy": () => import("../../steps/wait-healthy/run.ts"),
  warmup: () => import("../../steps/warmup/run.ts"),
  sweep: () => import("../../steps/sweep/run.ts"),
  profile: () => import("../../steps/profile/run.ts"),
  "copy-profile": () => import("../../steps/copy-profile/run.ts"),
  teardown: () => import("../../steps/teardown/run.ts"),
  finish: () => import("../../steps/finish/run.ts"),
} as const;

/** A step by its name: one of llmbench, or of `added` by plugins. */
export async function findStep(
  name: string | undefined,
  added: readonly PlacedStep[] = [],
): Promise<Step<unknown, unknown>> {
  const own = added.find(({ step }) => step.name === name);
  if (own !== undefined) return own.step;
  const load = Object.entries(steps).find(([step]) => step === name)?.[1];
  if (load === undefined) {
    throw new LlmbenchError("USAGE", `there is no step "${name ?? ""}"`, {
      exitStatus: ExitStatus.usage,
      hint: `the steps are: ${[...Object.keys(steps), ...added.map(({ step }) => step.name)].join(", ")}`,
    });
  }
  return (await load()).default;
}
