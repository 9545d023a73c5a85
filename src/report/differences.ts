import type { CellResult, Results } from "../results/schema.ts";
import { joinWords } from "./describe.ts";
import { gather, variantName } from "./groups.ts";

type DifferenceKind = Results["differences"][number]["kind"];

/** What differed, for a sentence. */
export const DIFFERENCE_WORDS: Readonly<Record<DifferenceKind, string>> = {
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
export function describeDifferences(
  results: Results,
  compared: readonly (readonly CellResult[])[],
): string | undefined {
  const words = new Set<string>();
  for (const cells of compared) {
    const precisions = gather(
      cells.filter((cell) => cell.model.precision !== undefined),
      (cell) => cell.model.precision ?? "",
    );
    if (precisions.length > 1) {
      const parts = precisions.map(
        ([precision, same]) =>
          `${precision} for ${joinWords(same.map((cell) => variantName(results, cell)))}`,
      );
      words.add(`${DIFFERENCE_WORDS.precision}: ${joinWords(parts)}`);
    }
    const ids = new Set(cells.map((cell) => cell.id));
    for (const difference of results.differences) {
      if (difference.kind === "precision" && precisions.length > 1) continue;
      if (difference.cells.some((id) => ids.has(id))) words.add(DIFFERENCE_WORDS[difference.kind]);
    }
  }
  return words.size === 0 ? undefined : [...words].join("; ");
}
