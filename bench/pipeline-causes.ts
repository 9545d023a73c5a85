import type { PodTimes } from "./pod-watch.ts";

/** Seconds of a run on a cluster by cause; the steps follow one another, so they add up to the whole. */
export type Causes = Readonly<Record<string, number>>;

interface StepLog {
  readonly msg?: string;
  readonly startupMs?: number;
  readonly workMs?: number;
}

/** A step that told all its times. */
type Step = PodTimes &
  Required<Pick<PodTimes, "step" | "scheduledMs" | "runningMs" | "exitedMs" | "endedMs">>;

const isWhole = (pod: PodTimes): pod is Step =>
  [pod.step, pod.scheduledMs, pod.runningMs, pod.exitedMs, pod.endedMs].every((time) => time !== undefined);

/** Throws when a step's pod was not seen from beginning to end. */
export async function causesOf(
  pods: readonly PodTimes[],
  workflow: { readonly begunMs: number; readonly endedMs: number },
): Promise<Causes> {
  const seen = pods.filter(({ step }) => step !== undefined);
  const steps = seen.filter(isWhole).sort((a, b) => a.createdMs - b.createdMs);
  if (steps.length < seen.length || steps.length === 0) throw new Error("a pod of a step was not seen whole");
  const sum = (of: (step: Step, index: number) => number) =>
    steps.reduce((total, step, index) => total + of(step, index), 0) / 1000;
  const work = await Promise.all(steps.map(workOf));
  const named = Object.fromEntries(
    steps.map(({ step }, index) => [`  work of ${step}`, (work[index]?.workMs ?? Number.NaN) / 1000]),
  );
  const last = steps.at(-1) as Step;
  return {
    "Argo: before each step, and after the last":
      sum(({ createdMs }, index) => createdMs - (steps[index - 1]?.endedMs ?? workflow.begunMs)) +
      (workflow.endedMs - last.endedMs) / 1000,
    "steps' pods wait for a node": sum(({ createdMs, scheduledMs }) => scheduledMs - createdMs),
    "steps' pods start": sum(({ scheduledMs, runningMs }) => runningMs - scheduledMs),
    "steps' programs start": work.reduce((total, { startupMs }) => total + startupMs / 1000, 0),
    ...named,
    "steps' containers, all else": sum(
      ({ runningMs, exitedMs }, index) =>
        exitedMs - runningMs - (work[index]?.startupMs ?? 0) - (work[index]?.workMs ?? 0),
    ),
    "steps' pods end": sum(({ exitedMs, endedMs }) => endedMs - exitedMs),
  };
}

async function workOf({ step, log }: Step): Promise<{ startupMs: number; workMs: number }> {
  const lines = (await log).split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as StepLog];
    } catch {
      return [];
    }
  });
  const startupMs = lines.find(({ msg }) => msg === "begun")?.startupMs;
  const workMs = lines.find(({ msg }) => msg === "ended")?.workMs;
  if (startupMs === undefined || workMs === undefined) throw new Error(`${step} did not log its times`);
  return { startupMs, workMs };
}
