import { parameterOf, type WorkflowNode } from "./workflow.ts";

/** A step as it went, its attempts taken together. */
export interface StepState {
  readonly step: string;
  /** Argo's: Pending, Running, Succeeded, Failed, Error. */
  readonly phase: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly message?: string;
  readonly exitCode?: number;
  /** Share of its measurements that is done, 0 to 1. */
  readonly progress?: number;
  /** Of a lock, as Argo names it. */
  readonly lock?: string;
}

/** The steps among some nodes, in the order in which they began. Those that Argo left out are not told. */
export function stepsOf(nodes: readonly WorkflowNode[]): StepState[] {
  const groups = new Map<string, WorkflowNode[]>();
  for (const node of nodes) {
    if (node.type !== "Pod" && node.type !== "Retry") continue;
    const step = node.templateName ?? node.displayName;
    groups.set(step, [...(groups.get(step) ?? []), node]);
  }
  return [...groups]
    .map(([step, group]) => stepOf(step, group))
    .filter(({ phase }) => phase !== "Omitted" && phase !== "Skipped")
    .sort((a, b) => (a.startedAt ?? "").localeCompare(b.startedAt ?? ""));
}

/** A step with a retry strategy is a node of type Retry with a pod for each attempt: the last one tells. */
function stepOf(step: string, group: readonly WorkflowNode[]): StepState {
  const attempts = group.filter(({ type }) => type === "Pod").sort((a, b) => attemptOf(a) - attemptOf(b));
  const last = attempts.at(-1);
  const whole = group.find(({ type }) => type === "Retry") ?? last;
  const message = last?.message || whole?.message;
  const exitCode = last?.outputs?.exitCode;
  const lock = [whole, last].find((node) => node?.synchronizationStatus?.waiting)?.synchronizationStatus
    ?.waiting;
  const progress = progressOf(last?.progress);
  return {
    step,
    // A Retry node is Running as soon as its pod is asked for; the pod says more.
    phase: (whole?.phase === "Running" ? last?.phase : whole?.phase) ?? whole?.phase ?? "Pending",
    ...(whole?.startedAt ? { startedAt: whole.startedAt } : {}),
    ...(whole?.finishedAt ? { finishedAt: whole.finishedAt } : {}),
    ...(message ? { message } : {}),
    ...(exitCode === undefined ? {} : { exitCode: Number(exitCode) }),
    ...(progress === undefined ? {} : { progress }),
    ...(lock === undefined ? {} : { lock }),
  };
}

/** `sweep(1)` is the second attempt. */
function attemptOf({ name }: WorkflowNode): number {
  return Number(/\((\d+)\)$/.exec(name)?.[1] ?? 0);
}

/** A pod that counts nothing has 0/1, then 1/1. */
function progressOf(text: string | undefined): number | undefined {
  const [done = 0, all = 0] = (text ?? "").split("/").map(Number);
  return all > 1 ? done / all : undefined;
}

/** Which cell a node belongs to, by its inputs. */
export function cellOf(node: WorkflowNode): string | undefined {
  return parameterOf(node.inputs, "cell");
}

export const isFailed = (phase: string): boolean => phase === "Failed" || phase === "Error";

/** A teardown that only repeats that its cell failed, so that a retry runs it again. */
export function onlyRepeats({ step, exitCode }: StepState): boolean {
  return step === "teardown" && exitCode === 75;
}
