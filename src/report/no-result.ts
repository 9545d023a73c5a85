import type { Results } from "../results/schema/results.ts";
import { joinWords } from "./describe.ts";

/** Why a run has no figure to show, in a sentence without its capital. */
export function describeNothing(results: Results): string {
  const { cells } = results;
  if (cells.length === 0) return "nothing was measured: the run has no cells.";
  const invalid = cells.flatMap((cell) => cell.points).filter((point) => point.verdict.status === "invalid");
  if (invalid.length > 0) {
    const codes = [
      ...new Set(invalid.flatMap((point) => point.verdict.reasons.map((reason) => reason.code))),
    ];
    return `no valid measurement: every point that was measured is invalid (${joinWords(codes)}).`;
  }
  const failed = cells.filter((cell) => cell.status === "failed");
  if (failed.length === 0) return "nothing was measured: no cell reached its first point.";
  const reasons = failed.map((cell) => `${cell.id} failed (${cell.error?.code ?? "no code"})`);
  const shown = reasons.length > 3 ? [`${failed.length} of ${cells.length} cells failed`] : reasons;
  return `nothing was measured: ${joinWords(shown)}.`;
}
