import type { CellResult, Difference, Results } from "../results/schema/results.ts";
import { joinWords } from "./describe.ts";
import { gather, variantName } from "./groups.ts";

/** What differed, for a sentence. */
const DIFFERENCE_WORDS: Readonly<Record<Difference["kind"], string>> = {
  precision: "precision of the weights",
  "prompt-tokens": "prompt length in tokens",
  "output-tokens": "output length in tokens",
  finish: "how answers ended",
  "cached-tokens": "prompt tokens taken from a cache",
  hardware: "hardware",
};

/**
 * What differs in the work of cells that stand side by side (a list of cells for each comparison), in words;
 * undefined when nothing is known to differ. Weights are named with their precisions.
 */
function describeDifferences(
  results: Results,
  compared: readonly (readonly CellResult[])[],
): string | undefined {
  const words = compared.flatMap((cells) => [
    ...describePrecisions(results, cells),
    ...describeHardware(cells),
    ...results.differences
      .filter((difference) => concerns(difference, cells))
      .map(({ kind }) => DIFFERENCE_WORDS[kind]),
  ]);
  return words.length === 0 ? undefined : [...new Set(words)].join("; ");
}

/** What a sentence that ranks cells begins with, where their work differed; else nothing. */
export function cautionOf(results: Results, compared: readonly (readonly CellResult[])[]): string {
  const differences = describeDifferences(results, compared);
  return differences === undefined
    ? ""
    : `the variants did different work (${differences}), so this is not like for like: `;
}

/** What stands in place of a ranking where the comparison is strict and the work was not the same; undefined elsewhere. */
export function refusalOf(
  results: Results,
  compared: readonly (readonly CellResult[])[],
): string | undefined {
  if (results.run.plan.strict !== true) return undefined;
  const differences = describeDifferences(results, compared);
  return differences === undefined
    ? undefined
    : `not ranked, since the variants did different work (${differences}) and the comparison is strict. Every figure is below.`;
}

function describePrecisions(results: Results, cells: readonly CellResult[]): readonly string[] {
  const known = cells.filter((cell) => cell.model.precision !== undefined);
  const groups = gather(known, (cell) => (cell.model.precision ?? "").toLowerCase());
  if (groups.length < 2) return [];
  const parts = groups.map(
    ([, same]) =>
      `${same[0]?.model.precision} for ${joinWords(same.map((cell) => variantName(results, cell)))}`,
  );
  return [`${DIFFERENCE_WORDS.precision}: ${joinWords(parts)}`];
}

function describeHardware(cells: readonly CellResult[]): readonly string[] {
  return new Set(cells.map((cell) => cell.hardware)).size > 1 ? [DIFFERENCE_WORDS.hardware] : [];
}

/** Precision and hardware are read from the cells themselves: only those that are compared count. */
function concerns(difference: Difference, cells: readonly CellResult[]): boolean {
  if (difference.kind === "precision" || difference.kind === "hardware") return false;
  return cells.filter((cell) => difference.cells.includes(cell.id)).length > 1;
}
