import type { CellResult, Results } from "../results/schema/results.ts";
import type { StepSummary } from "../results/schema/step.ts";
import { formatNumber } from "./describe.ts";
import { cellName } from "./groups.ts";
import { type Table, text, textColumn } from "./table.ts";

export const STEPS_SENTENCE =
  "Steps of the config's own plugins ran in each cell; what they found is theirs, and llmbench judges none of it.";

/** What steps of plugins found: a table a step, a row a cell, a column an output. */
export function stepTables(results: Results): Table[] {
  const names = [...new Set(results.cells.flatMap(({ steps = [] }) => steps.map(({ step }) => step)))];
  return names.map((name) => {
    const found = results.cells.flatMap((cell) => {
      const summary = cell.steps?.find(({ step }) => step === name);
      return summary === undefined ? [] : [{ cell, summary }];
    });
    const outputs = [...new Set(found.flatMap(({ summary }) => Object.keys(summary.outputs)))];
    return {
      caption: name,
      columns: [textColumn("Cell"), ...outputs.map((output) => columnOf(output, found))],
      groups: [
        {
          rows: found.map(({ cell, summary }) => [
            text(cellName(results, cell)),
            ...outputs.map((output) => text(shown(summary.outputs[output]))),
          ]),
        },
      ],
    };
  });
}

interface Found {
  readonly cell: CellResult;
  readonly summary: StepSummary;
}

function columnOf(output: string, found: readonly Found[]) {
  const values = found.map(({ summary }) => summary.outputs[output] ?? null);
  const numeric = values.every((value) => value === null || typeof value === "number");
  return { title: output, numeric };
}

function shown(value: StepSummary["outputs"][string] | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "number" ? formatNumber(value) : String(value);
}
