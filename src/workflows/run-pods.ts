import { nearest } from "../config/nearest.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { containerName } from "../servers/kubernetes/manifests.ts";
import { annotations, anyServer, labels } from "../servers/kubernetes/names.ts";
import type { Pod } from "../servers/kubernetes/objects.ts";
import { createdMs } from "../servers/kubernetes/pod-state.ts";
import { labelValue } from "../servers/kubernetes-names.ts";
import type { ClusterRuns } from "./cluster-runs.ts";
import { cellOf } from "./steps.ts";
import { nodesOf, runOf, type Workflow, type WorkflowNode } from "./workflow.ts";

/** A pod of a run, by what it does. */
export interface RunPod {
  readonly pod: Pod;
  readonly container: string;
  /** None for steps of the whole run. */
  readonly cell?: string;
  /** A step's name, or `server`. */
  readonly step: string;
}

export interface PodChoice {
  readonly cell?: string | undefined;
  readonly step?: string | undefined;
}

/** Pods of a run that are there, oldest first: of its steps and of its servers. */
export async function podsOf(runs: ClusterRuns, workflow: Workflow): Promise<readonly RunPod[]> {
  const nodes = new Map((nodesOf(workflow) ?? []).map((node) => [node.id, node]));
  const [steps, servers] = await Promise.all([
    runs.resources.pods({ "workflows.argoproj.io/workflow": workflow.metadata?.name ?? "" }),
    runs.resources.pods({ ...anyServer, [labels.run]: labelValue(runOf(workflow)) }),
  ]);
  return [...steps.map((pod) => stepPod(pod, nodes)), ...servers.map((pod) => serverPod(pod))].sort(
    (a, b) => createdMs(a.pod) - createdMs(b.pod),
  );
}

function stepPod(pod: Pod, nodes: ReadonlyMap<string, WorkflowNode>): RunPod {
  const id = pod.metadata?.annotations?.["workflows.argoproj.io/node-id"] ?? "";
  const node = nodes.get(id);
  const cell = node === undefined ? undefined : cellOfNode(node, nodes);
  return {
    pod,
    container: "main",
    step: node?.templateName ?? pod.metadata?.name ?? "",
    ...(cell === undefined ? {} : { cell }),
  };
}

/** A step knows its server, not its cell: the DAG around it does. */
export function cellOfNode(node: WorkflowNode, nodes: ReadonlyMap<string, WorkflowNode>): string | undefined {
  const around = nodes.get(node.boundaryID ?? "");
  return cellOf(node) ?? (around === undefined ? undefined : cellOf(around));
}

function serverPod(pod: Pod): RunPod {
  const cell = pod.metadata?.annotations?.[annotations.cell];
  return { pod, container: containerName, step: "server", ...(cell === undefined ? {} : { cell }) };
}

export function isChosen(pod: Pick<RunPod, "cell" | "step">, choice: PodChoice): boolean {
  return (
    (choice.cell === undefined || pod.cell === choice.cell) &&
    (choice.step === undefined || pod.step === choice.step)
  );
}

export const podTitle = ({ cell, step }: Pick<RunPod, "cell" | "step">): string =>
  cell === undefined ? step : `${cell} ${step}`;

/** Throws CELL_UNKNOWN, with the nearest name, for a cell that the run lacks. */
export function checkCell(cell: string | undefined, cells: readonly string[]): void {
  if (cell === undefined || cells.length === 0 || cells.includes(cell)) return;
  const near = nearest(cell, cells);
  throw new LlmbenchError("CELL_UNKNOWN", `The run has no cell "${cell}".`, {
    exitStatus: ExitStatus.usage,
    ...(near === undefined ? {} : { hint: `Did you mean ${near}?` }),
    details: cells.map((each) => `There is: ${each}`),
  });
}
