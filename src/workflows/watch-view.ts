import { styleText } from "node:util";
import { printable, shorten, wrap } from "../display-width.ts";
import { fitLine, formatSeconds } from "../runner/line.ts";
import type { ProgressStream } from "../runner/progress-view.ts";
import { headlineWords } from "./render-status.ts";
import type { CellState, RunStatus } from "./run-status.ts";

/** Shows how a run goes: a line for each cell that ended and one live line, or plain lines where nobody looks on. */
export interface WatchView {
  /** Called with each new state, and each second for the time that passes. */
  update(status: RunStatus): void;
  note(text: string): void;
  /** Ends the live line. */
  close(): void;
}

const clearLine = "\r\u001b[2K";

export function createWatchView(
  stream: ProgressStream,
  options: { readonly color: boolean; readonly live: boolean; readonly now?: () => number },
): WatchView {
  const { live, color, now = Date.now } = options;
  const columns = () => stream.columns ?? 80;
  const said = new Map<string, string>();
  const ended = new Set<string>();
  let isOpen = false;

  function line(text: string): void {
    if (isOpen) stream.write(clearLine);
    isOpen = false;
    stream.write(`${text}\n`);
  }

  /** Once, until something else is said of the same. */
  function sayOnce(what: string, text: string): void {
    if (said.get(what) === text) return;
    said.set(what, text);
    line(live ? shorten(printable(text), columns()) : printable(text));
  }

  function end(cell: CellState): void {
    if (ended.has(cell.cell)) return;
    ended.add(cell.cell);
    const done = cell.state === "done";
    const mark = done ? "✓" : "✗";
    const painted = color ? styleText(done ? "green" : "red", mark) : mark;
    const tail = done ? headlineTail(cell) : `failed: ${cell.step ?? "it did not begin"}`;
    line(`${painted} ${shorten(`${printable(cell.cell)}  ${secondsOf(cell)}${tail}`, columns() - 2)}`);
    for (const { message = "" } of cell.failures) {
      const [first = ""] = message.split("\n");
      if (first !== "") for (const part of wrap(`    ${printable(first)}`, columns(), 4)) line(part);
    }
  }

  function plain(status: RunStatus): void {
    if (status.waits !== undefined) sayOnce("run", status.waits);
    for (const step of status.steps) if (step.phase === "Running") sayOnce("run", step.step);
    for (const { cell, state, step, waits } of status.cells) {
      if (step !== undefined && state === "running") sayOnce(`step ${cell}`, `${cell}: ${step}`);
      if (waits !== undefined) sayOnce(`waits ${cell}`, `${cell} ${waits}`);
    }
  }

  function draw(status: RunStatus): void {
    const { cells } = status;
    const over = cells.filter(({ state }) => state === "done" || state === "failed").length;
    const from = Date.parse(status.startedAt ?? status.createdAt ?? "");
    const time = Number.isFinite(from) ? [formatSeconds((now() - from) / 1000)] : [];
    const count = cells.length === 0 ? [] : [`${over}/${cells.length} cells`];
    stream.write(clearLine + fitLine([...count, ...time, liveWords(status)], columns() - 1));
    isOpen = true;
  }

  return {
    update(status) {
      for (const cell of status.cells) {
        if (cell.state === "done" || cell.state === "failed") end(cell);
        // A retry took it up again.
        else ended.delete(cell.cell);
      }
      if (live) draw(status);
      else plain(status);
    },
    note: (text) => sayOnce("note", text),
    close() {
      if (isOpen) stream.write(clearLine);
      isOpen = false;
    },
  };
}

/** What goes on now: the cells that are measured first, those that only wait last. */
function liveWords(status: RunStatus): string {
  if (status.waits !== undefined) return status.waits;
  const busy = status.cells.filter(({ state, waits }) => state === "running" && waits === undefined);
  if (busy.length > 0) return busy.map(busyWords).join(", ");
  const step = status.steps.find(({ phase }) => phase === "Running" || phase === "Pending");
  if (step !== undefined) return step.step;
  const waiting = status.cells.find(({ waits }) => waits !== undefined);
  return waiting === undefined ? status.phase.toLowerCase() : `${waiting.cell} ${waiting.waits}`;
}

function busyWords({ cell, step = "begins", progress }: CellState): string {
  return `${cell} ${step}${progress === undefined ? "" : ` ${Math.floor(progress * 100)} %`}`;
}

function headlineTail({ headline }: CellState): string {
  return headline === undefined ? "" : headlineWords(headline);
}

function secondsOf({ startedAt, finishedAt }: CellState): string {
  if (startedAt === undefined || finishedAt === undefined) return "";
  return `${formatSeconds((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000)}  `;
}
