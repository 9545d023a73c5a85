import { ExitStatus, type LlmbenchError } from "../error.ts";
import type { RunFolder } from "../results/run-folder.ts";
import type { CellStatus } from "../results/schema/status.ts";
import { storedError } from "./stored-error.ts";

/** Keeps a cell's status.json where each of its steps runs in a process of its own. Steps of the run have none. */
export class StepStatus {
  readonly #run: RunFolder;
  readonly #step: string;
  readonly #cell: string | undefined;

  constructor(run: RunFolder, step: string, input: unknown) {
    this.#run = run;
    this.#step = step;
    this.#cell = cellOf(input);
  }

  async begun(): Promise<void> {
    if (this.#step !== "teardown") await this.#write({ status: "running", step: this.#step });
  }

  /** A verdict that is not good enough is no failure of the cell: everything was measured. */
  async failed(error: LlmbenchError, mask: (text: string) => string): Promise<void> {
    if (this.#step === "teardown" && error.exitStatus === ExitStatus.cellFailed) return;
    const status =
      error.exitStatus === ExitStatus.verdict
        ? "done"
        : error.exitStatus === ExitStatus.interrupted
          ? "interrupted"
          : "failed";
    await this.#write({ status, step: this.#step, error: storedError(error, mask) });
  }

  /**
   * After a teardown: how the cell ended as its workflow saw it, unless one of its steps has said more. Resolves with
   * what its last step had said.
   */
  async tornDown(ended: string): Promise<CellStatus | undefined> {
    if (this.#step !== "teardown" || this.#cell === undefined) return undefined;
    const stored = await this.#run.readStatus(this.#cell);
    if (ended === "Succeeded") await this.#write({ status: "done" });
    else if (!stored.found || stored.value.status === "running" || stored.value.status === "pending") {
      const step = stored.found ? stored.value.step : undefined;
      await this.#write({ status: "failed", ...(step === undefined ? {} : { step }) });
    }
    return stored.found ? stored.value : undefined;
  }

  async #write(status: Pick<CellStatus, "status" | "step" | "error">): Promise<void> {
    if (this.#cell === undefined) return;
    const updatedAt = new Date().toISOString();
    await this.#run.writeStatus({ schemaVersion: 1, cell: this.#cell, ...status, updatedAt });
  }
}

/** The cell that a step is about: said by its name, or by the server or recording that is handed on. */
function cellOf(input: unknown): string | undefined {
  const { cell, server, report } = input as Record<"cell" | "server" | "report", unknown>;
  if (typeof cell === "string") return cell;
  const handed = server ?? report;
  if (typeof handed !== "object" || handed === null || !("cell" in handed)) return undefined;
  return typeof handed.cell === "string" ? handed.cell : undefined;
}
