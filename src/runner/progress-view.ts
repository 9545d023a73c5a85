import { styleText } from "node:util";
import { printable, wrap } from "../display-width.ts";
import type { ProgressEvent } from "../steps/progress.ts";
import { fitLine, formatSeconds } from "./line.ts";

/** Shows a run's progress on a stream: one live line a cell on a terminal, plain lines elsewhere. */
export interface ProgressView {
  (event: ProgressEvent): void;
  /** Ends the live line, so that what is printed next starts on a fresh one. */
  close(): void;
}

export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

interface CellState {
  step: string;
  point: string;
  load: string;
}

const clearLine = "\r\u001b[2K";
/** A live line is redrawn at most this often: a terminal is not worth CPU that the load generator needs. */
const redrawMs = 250;

export function createProgressView(
  stream: ProgressStream,
  options: { color: boolean; live: boolean },
): ProgressView {
  const cells = new Map<string, CellState>();
  let lineOpen = false;
  let lastDraw = 0;

  const paint = (style: "green" | "red" | "yellow" | "dim", text: string) =>
    options.color ? styleText(style, text) : text;
  const columns = () => stream.columns ?? 80;

  function line(text: string) {
    if (lineOpen) stream.write(clearLine);
    lineOpen = false;
    stream.write(`${text}\n`);
  }

  function draw(cell: string, force: boolean) {
    if (!options.live) return;
    const now = performance.now();
    if (!force && now - lastDraw < redrawMs) return;
    lastDraw = now;
    const state = cells.get(cell);
    if (state === undefined) return;
    const parts = [cell, state.step, state.point, state.load].filter((part) => part !== "");
    // One column stays free: a full last column makes some terminals wrap.
    stream.write(clearLine + fitLine(parts, columns() - 1));
    lineOpen = true;
  }

  function stateOf(cell: string): CellState {
    const known = cells.get(cell);
    if (known !== undefined) return known;
    const state = { step: "", point: "", load: "" };
    cells.set(cell, state);
    return state;
  }

  function view(event: ProgressEvent) {
    switch (event.kind) {
      case "cell-started":
        stateOf(event.cell);
        if (!options.live) line(`${event.cell}: cell ${event.index} of ${event.of}`);
        break;
      case "step": {
        if (event.cell === undefined) {
          if (!options.live) line(event.step);
          break;
        }
        const state = stateOf(event.cell);
        state.step = event.step;
        state.point = "";
        state.load = "";
        if (options.live) draw(event.cell, true);
        else line(`${event.cell}: ${event.step}`);
        break;
      }
      case "note":
        if (options.live && event.cell !== undefined) {
          stateOf(event.cell).point = event.text;
          draw(event.cell, true);
        } else line(event.cell === undefined ? event.text : `${event.cell}: ${event.text}`);
        break;
      case "notice":
        if (options.live) for (const each of wrap(printable(event.text), columns() - 1, 2)) line(each);
        else line(event.cell === undefined ? event.text : `${event.cell}: ${event.text}`);
        break;
      case "point": {
        const state = stateOf(event.cell);
        state.point = `${event.index}/${event.of} ${event.point}`;
        state.load = "";
        draw(event.cell, true);
        break;
      }
      case "load": {
        const left = event.secondsLeft === null ? "" : `, ${formatSeconds(event.secondsLeft)} left`;
        const failed = event.failed === 0 ? "" : ` (${event.failed} failed)`;
        stateOf(event.cell).load =
          `${event.done}/${event.planned} req${failed}, ${event.outputTokensPerSecond.toFixed(1)} tok/s${left}`;
        draw(event.cell, false);
        break;
      }
      case "measured":
        if (!options.live) line(`${event.cell}: ${measuredWords(event)}`);
        break;
      case "cell-finished": {
        const words = {
          done: paint("green", "✓"),
          failed: paint("red", "✗"),
          interrupted: paint("yellow", "–"),
        } as const;
        const tail = event.status === "done" ? "" : ` ${event.status}`;
        line(`${words[event.status]} ${event.cell} ${paint("dim", formatSeconds(event.seconds))}${tail}`);
        break;
      }
    }
  }

  return Object.assign(view, {
    close() {
      if (lineOpen) stream.write("\n");
      lineOpen = false;
    },
  });
}

function measuredWords(event: Extract<ProgressEvent, { kind: "measured" }>): string {
  const rate =
    event.outputTokensPerSecond === null ? "" : `, ${event.outputTokensPerSecond.toFixed(1)} tok/s`;
  const ttft = event.ttftMs === null ? "" : `, TTFT ${event.ttftMs.toFixed(0)} ms`;
  const failed = event.failed === 0 ? "" : `, ${event.failed} failed`;
  return `${event.point} #${event.repetition}: ${event.verdict}${rate}${ttft}${failed}`;
}
