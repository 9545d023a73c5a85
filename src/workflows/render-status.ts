import { styleText } from "node:util";
import { displayWidth, padEnd, printable, shorten, wrap } from "../display-width.ts";
import { formatSeconds } from "../runner/line.ts";
import type { CellState, Headline, RunStatus } from "./run-status.ts";
import { isFailed, type StepState } from "./steps.ts";

export interface StatusStyle {
  readonly columns: number;
  readonly color: boolean;
  /** For how long something goes on already. */
  readonly nowMs: number;
}

/** One run for a person, at most `columns` wide. */
export function renderStatus(status: RunStatus, style: StatusStyle): string {
  const lines = [
    `${status.workflow}  ${paintPhase(phaseWords(status), status.phase, style)}  ${timeWords(status, style)}`.trimEnd(),
    ...(status.run === status.workflow ? [] : [`run ${status.run}`]),
    ...(status.waits === undefined ? [] : wrap(printable(status.waits), style.columns)),
    ...(status.offloaded
      ? wrap(
          "Its steps lie in Argo's database (offloaded) and not in the Workflow: the Argo UI and `argo get` with ARGO_SERVER set show them.",
          style.columns,
        )
      : []),
  ];
  const failedSteps = status.steps.filter(({ phase }) => isFailed(phase));
  const width = Math.min(36, Math.max(4, ...status.cells.map(({ cell }) => displayWidth(printable(cell)))));
  if (status.cells.length > 0)
    lines.push("", ...status.cells.flatMap((cell) => cellLines(cell, width, style)));
  const failures = [
    ...failedSteps.map((step) => ({ what: step.step, step })),
    ...status.cells.flatMap(({ cell, failures }) =>
      failures.map((step) => ({ what: `${cell}: ${step.step}`, step })),
    ),
  ];
  for (const { what, step } of failures) lines.push("", ...failureLines(what, step, style));
  if (isFailed(status.phase) && failures.length === 0 && status.message)
    lines.push("", ...wrap(printable(status.message), style.columns));
  return `${lines.join("\n")}\n`;
}

function phaseWords({ phase, shutdown }: RunStatus): string {
  if (shutdown === undefined) return phase;
  const words = shutdown === "Terminate" ? "terminated" : "stopped";
  return isFailed(phase) ? `${phase} (${words})` : `${phase}, being ${words}`;
}

function timeWords({ createdAt, startedAt, finishedAt }: RunStatus, { nowMs }: StatusStyle): string {
  const from = startedAt ?? createdAt;
  if (from === undefined) return "";
  return formatSeconds(
    ((finishedAt === undefined ? nowMs : Date.parse(finishedAt)) - Date.parse(from)) / 1000,
  );
}

function cellLines(cell: CellState, width: number, style: StatusStyle): readonly string[] {
  const mark = { done: "✓", failed: "✗", running: "▸", waiting: "·", "not begun": "·" }[cell.state];
  const color = {
    done: "green",
    failed: "red",
    running: "cyan",
    waiting: "dim",
    "not begun": "dim",
  } as const;
  const name = padEnd(shorten(printable(cell.cell), width), width);
  const words = [stateWords(cell), ...(cell.headline === undefined ? [] : [headlineWords(cell.headline)])];
  const painted = style.color ? styleText(color[cell.state], mark) : mark;
  const line = shorten(`${name}  ${words.join("  ")}`, style.columns - 2);
  const waits = cell.waits === undefined ? [] : wrap(`    ${printable(cell.waits)}`, style.columns, 4);
  return [`${painted} ${line}`, ...waits];
}

function stateWords({ state, step, progress }: CellState): string {
  if (state === "running") {
    const share = progress === undefined ? "" : ` ${Math.floor(progress * 100)} %`;
    return `${step ?? "begins"}${share}`;
  }
  return state === "failed" && step !== undefined ? `failed: ${step}` : state;
}

/** `412.0 tok/s, TTFT 31 ms, valid; 1 of 2 suspect`: what is known of it. */
export function headlineWords({ outputTokensPerSecond, ttftMs, verdict, words }: Headline): string {
  if (words !== null) return words;
  return [
    outputTokensPerSecond === null ? undefined : `${outputTokensPerSecond.toFixed(1)} tok/s`,
    ttftMs === null ? undefined : `TTFT ${ttftMs.toFixed(0)} ms`,
    verdict ?? undefined,
  ]
    .filter((part) => part !== undefined)
    .join(", ");
}

function failureLines(what: string, step: StepState, style: StatusStyle): readonly string[] {
  const exit = step.exitCode === undefined ? "" : ` (exit ${step.exitCode})`;
  const head = `${shorten(printable(what), style.columns - 20)} ${step.phase}${exit}`;
  const said = (step.message ?? "nothing is said of it").split("\n").filter((line) => line.trim() !== "");
  return [
    style.color ? styleText("red", head) : head,
    ...said.flatMap((line) => wrap(`  ${printable(line)}`, style.columns, 2)),
  ];
}

function paintPhase(text: string, phase: string, { color }: StatusStyle): string {
  if (!color) return text;
  return styleText(phase === "Succeeded" ? "green" : isFailed(phase) ? "red" : "cyan", text);
}

/** The runs of a namespace, one a line. */
export function renderRuns(runs: readonly RunStatus[], style: StatusStyle): string {
  const rows = runs.map((run) => [
    run.workflow,
    phaseWords(run),
    run.offloaded ? "?" : cellWords(run),
    timeWords(run, style),
    `${agoWords(run, style)} ago`,
  ]);
  const table = [["RUN", "PHASE", "CELLS", "TOOK", "BEGUN"], ...rows];
  const widths = [0, 1, 2, 3].map((at) => Math.max(...table.map((row) => displayWidth(row[at] ?? ""))));
  return table
    .map((row) =>
      row
        .map((text, at) => padEnd(text, widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${shorten(line, style.columns)}\n`)
    .join("");
}

function cellWords({ cells }: RunStatus): string {
  const count = (state: CellState["state"]) => cells.filter((cell) => cell.state === state).length;
  const failed = count("failed");
  return `${count("done")}/${cells.length}${failed === 0 ? "" : `, ${failed} failed`}`;
}

function agoWords({ createdAt }: RunStatus, { nowMs }: StatusStyle): string {
  const seconds = (nowMs - Date.parse(createdAt ?? "")) / 1000;
  if (!Number.isFinite(seconds)) return "?";
  return seconds < 172_800 ? formatSeconds(seconds) : `${Math.floor(seconds / 86_400)} days`;
}
