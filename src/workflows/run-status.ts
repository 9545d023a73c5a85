import { ExitStatus } from "../error.ts";
import { cellOf, isFailed, onlyRepeats, type StepState, stepsOf } from "./steps.ts";
import { lockWaits, runWaits, stepWaits } from "./waits.ts";
import { nodesOf, parameterOf, runOf, specOf, type Workflow, type WorkflowNode } from "./workflow.ts";

export interface Headline {
  readonly outputTokensPerSecond: number | null;
  readonly ttftMs: number | null;
  readonly verdict: string | null;
  /** The step's own words for it. */
  readonly words: string | null;
}

export interface CellState {
  readonly cell: string;
  readonly state: "not begun" | "waiting" | "running" | "done" | "failed";
  /** The step that it is in, or failed in. */
  readonly step?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** Of the step, 0 to 1. */
  readonly progress?: number;
  /** What it waits for, in words. */
  readonly waits?: string;
  readonly headline?: Headline;
  readonly failures: readonly StepState[];
}

/** A run on a cluster as its Workflow tells it. */
export interface RunStatus {
  /** Name of its folder on the results share. */
  readonly run: string;
  readonly workflow: string;
  readonly namespace: string;
  readonly config?: string;
  /** Argo's; Pending before a controller took it. */
  readonly phase: string;
  /** `Stop` or `Terminate`, where somebody asked for it. */
  readonly shutdown?: string;
  readonly createdAt?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly message?: string;
  readonly waits?: string;
  /** Whether its nodes could be read; else nothing is known of cells. */
  readonly offloaded: boolean;
  /** Steps of the whole run: prepare, finish. */
  readonly steps: readonly StepState[];
  readonly cells: readonly CellState[];
}

export function describeRun(workflow: Workflow): RunStatus {
  const { metadata, spec, status } = workflow;
  const nodes = nodesOf(workflow);
  const waits = runWaits(workflow);
  const config = metadata?.labels?.["llmbench.dev/config"];
  return {
    run: runOf(workflow),
    workflow: metadata?.name ?? "",
    namespace: metadata?.namespace ?? "",
    ...(config === undefined ? {} : { config }),
    phase: status?.phase || "Pending",
    ...(spec?.shutdown ? { shutdown: spec.shutdown } : {}),
    ...(metadata?.creationTimestamp ? { createdAt: metadata.creationTimestamp } : {}),
    ...(status?.startedAt ? { startedAt: status.startedAt } : {}),
    ...(status?.finishedAt ? { finishedAt: status.finishedAt } : {}),
    ...(status?.message ? { message: status.message } : {}),
    ...(waits === undefined ? {} : { waits }),
    offloaded: nodes === undefined,
    steps: stepsOf((nodes ?? []).filter((node) => ["prepare", "finish"].includes(node.templateName ?? ""))),
    cells: nodes === undefined ? [] : cellsOf(workflow, nodes),
  };
}

/** Every cell of the template, also one that has no node yet. */
function cellsOf(workflow: Workflow, nodes: readonly WorkflowNode[]): CellState[] {
  const { templates = [], entrypoint } = specOf(workflow);
  const tasks = templates.find(({ name }) => name === entrypoint)?.dag?.tasks ?? [];
  const planned = tasks.flatMap((task) => parameterOf(task.arguments, "cell") ?? []);
  const found = nodes.flatMap((node) => (node.templateName === "cell" ? (cellOf(node) ?? []) : []));
  return [...new Set([...planned, ...found])].map((cell) => cellState(cell, nodes));
}

function cellState(cell: string, nodes: readonly WorkflowNode[]): CellState {
  const dag = nodes.find((node) => node.templateName === "cell" && cellOf(node) === cell);
  const teardown = stepsOf(nodes.filter((node) => node.templateName === "teardown" && cellOf(node) === cell));
  if (dag === undefined || dag.phase === "Omitted" || dag.phase === "Skipped")
    return { cell, state: "not begun", failures: [] };
  const inside = stepsOf(nodes.filter(({ boundaryID }) => boundaryID === dag.id));
  const steps = [...inside, ...teardown];
  const failures = steps.filter((step) => isFailed(step.phase) && !onlyRepeats(step));
  const current = currentStep(steps);
  const lock = dag.synchronizationStatus?.waiting || current?.lock;
  const headline = headlineOf(dag) ?? headlineOf(sweepOf(nodes, dag.id));
  const state = stateOf(dag, steps, failures);
  const waits = state === "running" || state === "waiting" ? waitsOf(lock, current) : undefined;
  const step = state === "failed" ? (failures[0]?.step ?? current?.step) : current?.step;
  return {
    cell,
    state: lock !== undefined && state === "running" ? "waiting" : state,
    ...(step === undefined || state === "done" ? {} : { step }),
    ...(dag.startedAt ? { startedAt: dag.startedAt } : {}),
    ...(dag.finishedAt ? { finishedAt: dag.finishedAt } : {}),
    ...(current?.progress === undefined || state !== "running" ? {} : { progress: current.progress }),
    ...(waits === undefined ? {} : { waits }),
    ...(headline === undefined ? {} : { headline }),
    failures,
  };
}

function stateOf(
  { phase = "Pending" }: WorkflowNode,
  steps: readonly StepState[],
  failures: readonly StepState[],
): CellState["state"] {
  if (steps.some((step) => step.phase === "Running" || step.phase === "Pending")) return "running";
  if (isFailed(phase) || failures.length > 0) return "failed";
  if (phase === "Succeeded") return "done";
  return steps.length === 0 ? "waiting" : "running";
}

/** The one that goes on, else the last one. */
function currentStep(steps: readonly StepState[]): StepState | undefined {
  return steps.find(({ phase }) => phase === "Running" || phase === "Pending") ?? steps.at(-1);
}

function waitsOf(lock: string | undefined, current: StepState | undefined): string | undefined {
  if (lock !== undefined) return lockWaits(lock);
  return current?.phase === "Pending" ? stepWaits(current.message) : undefined;
}

function sweepOf(nodes: readonly WorkflowNode[], boundary: string): WorkflowNode | undefined {
  return nodes.find(
    (node) => node.boundaryID === boundary && node.templateName === "sweep" && headlineOf(node) !== undefined,
  );
}

function headlineOf(node: WorkflowNode | undefined): Headline | undefined {
  const text = (name: string) => parameterOf(node?.outputs, name) || null;
  const number = (name: string) => {
    const value = Number.parseFloat(text(name) ?? "");
    return Number.isFinite(value) ? value : null;
  };
  const headline = {
    outputTokensPerSecond: number("outputTokensPerSecond"),
    ttftMs: number("ttftMs"),
    verdict: text("verdict"),
    words: text("headline"),
  };
  return Object.values(headline).some((value) => value !== null) ? headline : undefined;
}

/** All that failed, but for teardowns that only repeat it. */
function failuresOf({ steps, cells }: RunStatus): StepState[] {
  return [...steps.filter(({ phase }) => isFailed(phase)), ...cells.flatMap(({ failures }) => failures)];
}

/** As a local run ends: 0, 3 where nothing but verdicts was wrong, else 1. */
export function exitStatusOf(status: RunStatus): ExitStatus {
  if (status.phase === "Succeeded") return ExitStatus.done;
  const failures = failuresOf(status);
  const onlyVerdicts =
    failures.length > 0 && failures.every(({ exitCode }) => exitCode === ExitStatus.verdict);
  return onlyVerdicts && status.shutdown === undefined ? ExitStatus.verdict : ExitStatus.failed;
}
