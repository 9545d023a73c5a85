import type { CellPlan, Plan } from "../config/plan.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";

/** Which cells of a plan are wanted; nothing said of a kind: all. */
export interface CellChoice {
  readonly engine?: readonly string[];
  readonly model?: readonly string[];
  readonly cell?: readonly string[];
}

/**
 * A plan with the cells that were chosen alone, and no baseline that is not among them. Throws USAGE for a name that the
 * plan does not have, or where no cell is left.
 */
export function chooseCells(plan: Plan, choice: CellChoice): Plan {
  const kinds = [
    ["--engine", choice.engine, (cell: CellPlan) => cell.variant],
    ["--model", choice.model, (cell: CellPlan) => cell.model.id],
    ["--cell", choice.cell, (cell: CellPlan) => cell.id],
  ] as const;
  let { cells } = plan;
  for (const [option, names, nameOf] of kinds) {
    if (names === undefined) continue;
    const known = [...new Set(plan.cells.map(nameOf))];
    const unknown = names.find((name) => !known.includes(name));
    if (unknown !== undefined)
      throw usage(`${plan.name} has nothing called "${unknown}" for ${option}`, `it has ${known.join(", ")}`);
    cells = cells.filter((cell) => names.includes(nameOf(cell)));
  }
  if (cells.length === 0)
    throw usage(
      `no cell of ${plan.name} is all that was asked for`,
      `its cells are ${plan.cells.map(({ id }) => id).join(", ")}`,
    );
  const { baseline, ...rest } = plan;
  const isThere = baseline !== undefined && cells.some(({ variant }) => variant === baseline);
  return { ...rest, cells, ...(isThere ? { baseline } : {}) };
}

const usage = (message: string, hint: string) =>
  new LlmbenchError("USAGE", message, { exitStatus: ExitStatus.usage, hint });
