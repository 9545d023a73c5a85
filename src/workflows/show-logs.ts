import { ObjectWatch } from "../servers/kubernetes/object-watch.ts";
import type { Pod } from "../servers/kubernetes/objects.ts";
import type { ClusterRuns } from "./cluster-runs.ts";
import { followLog, readLog } from "./follow-log.ts";
import { cellOfNode, isChosen, type PodChoice, podsOf, podTitle, type RunPod } from "./run-pods.ts";
import { describeRun } from "./run-status.ts";
import { isFailed, stepsOf } from "./steps.ts";
import { isOver, nodesOf, type Workflow } from "./workflow.ts";

export interface LogOptions extends PodChoice {
  /** Of each log at most the last lines. */
  readonly tail?: number;
  readonly write: (text: string) => void;
}

/** Writes the logs of the chosen pods that are there; the names of those it found. */
export async function showLogs(
  runs: ClusterRuns,
  workflow: Workflow,
  options: LogOptions,
): Promise<readonly RunPod[]> {
  const pods = (await podsOf(runs, workflow)).filter((pod) => isChosen(pod, options));
  for (const pod of pods) {
    const text = await readLog(runs, pod, options.tail);
    const prefix = pods.length > 1 ? `${podTitle(pod)} | ` : "";
    if (text === undefined) options.write(`${prefix}(nothing yet: its container has not begun)\n`);
    else options.write(prefixed(text, prefix));
  }
  return pods;
}

function prefixed(text: string, prefix: string): string {
  if (text === "") return "";
  const lines = text.endsWith("\n") ? text.slice(0, -1) : text;
  return `${lines
    .split("\n")
    .map((line) => `${prefix}${line}`)
    .join("\n")}\n`;
}

/** Writes the logs of the chosen pods as they come, also of pods that begin later, until the run is over. */
export async function followLogs(
  runs: ClusterRuns,
  name: string,
  options: LogOptions,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const workflows = new ObjectWatch<Workflow>(runs.client, runs.path, {
    fieldSelector: `metadata.name=${name}`,
  });
  const pods = new ObjectWatch<Pod>(runs.client, runs.resources.podsPath);
  const running = [workflows.run(stop), pods.run(stop)];
  const broken = Promise.all(running).then(() => new Promise<never>(() => {}));
  const followed = new Map<string, Promise<void>>();
  const look = async () => {
    await Promise.all([workflows.listed(), pods.listed()]);
    while (!signal.aborted) {
      const seen = [workflows.changes, pods.changes] as const;
      const [workflow] = workflows.objects;
      if (workflow === undefined) return;
      for (const pod of await podsOf(runs, workflow)) {
        const uid = pod.pod.metadata?.uid ?? "";
        if (!isChosen(pod, options) || followed.has(uid)) continue;
        followed.set(uid, follow(runs, pod, options, stop));
      }
      if (isOver(workflow)) return;
      await Promise.race([workflows.next(5000, seen[0], signal), pods.next(5000, seen[1], signal)]);
    }
  };
  try {
    await Promise.race([look(), broken]);
    await Promise.race([Promise.all(followed.values()), broken]);
  } finally {
    over.abort();
    await Promise.allSettled([...running, ...followed.values()]);
  }
}

async function follow(
  runs: ClusterRuns,
  pod: RunPod,
  { cell, step, write }: LogOptions,
  signal: AbortSignal,
): Promise<void> {
  const alone = step !== undefined && (cell !== undefined || pod.cell === undefined);
  const prefix = alone ? "" : `${podTitle(pod)} | `;
  for await (const line of followLog(runs, pod, signal)) write(`${prefix}${line}\n`);
}

/** Why there is no log of a choice, in words, a line each. */
export function whyNoLog(workflow: Workflow, { cell, step }: PodChoice): string[] {
  const cells = describeRun(workflow).cells.filter((one) => cell === undefined || one.cell === cell);
  if (cell !== undefined && cells.every(({ state }) => state === "not begun" || state === "waiting"))
    return [`${cell} has not begun${cells[0]?.waits === undefined ? "" : `: it ${cells[0].waits}`}.`];
  const nodes = new Map((nodesOf(workflow) ?? []).map((node) => [node.id, node]));
  const chosen = [...nodes.values()].filter(
    (node) =>
      (step === undefined || node.templateName === step) &&
      (cell === undefined || cellOfNode(node, nodes) === cell),
  );
  const steps = stepsOf(chosen);
  if (steps.length === 0) return ["No such step has begun."];
  const done = steps.filter(({ phase }) => phase === "Succeeded").map((one) => one.step);
  return [
    ...(done.length === 0
      ? []
      : [`Pods of steps that succeeded are removed with their logs: ${done.join(", ")}.`]),
    ...steps.flatMap((one) =>
      isFailed(one.phase) ? [`${one.step} ${one.phase}: ${one.message ?? "nothing is said of it"}`] : [],
    ),
  ];
}
