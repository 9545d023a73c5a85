import type { Results } from "../results/schema/results.ts";
import type { Reason, ReasonCode, VerdictStatus } from "../results/schema/verdict.ts";
import { cellName, gather, loadLabels, measuredPoints } from "./groups.ts";

/** One reason of one point, placed. */
interface Finding {
  readonly reason: Reason;
  /** "llamacpp-4slots, c4 · 64 out". */
  readonly place: string;
}

/** All findings of one code, the worst codes first. */
export interface FindingGroup {
  readonly code: ReasonCode;
  readonly status: Reason["status"];
  readonly findings: readonly Finding[];
}

const WORST_FIRST: readonly Reason["status"][] = ["invalid", "suspect", "note"];

export function groupFindings(results: Results): readonly FindingGroup[] {
  const findings = results.cells.flatMap((cell) => {
    const points = measuredPoints(cell);
    const loads = loadLabels(points);
    return points.flatMap((point, i) =>
      [...point.verdict.reasons, ...point.verdict.notes].map((reason) => ({
        reason,
        place: `${cellName(results, cell)}, ${loads[i]}`,
      })),
    );
  });
  return WORST_FIRST.flatMap((status) =>
    gather(
      findings.filter((finding) => finding.reason.status === status),
      (finding) => finding.reason.code,
    ).flatMap(([, group]) => {
      const first = group[0];
      return first === undefined ? [] : [{ code: first.reason.code, status, findings: group }];
    }),
  );
}

export function countVerdicts(results: Results): Readonly<Record<VerdictStatus, number>> {
  const counts = { valid: 0, suspect: 0, invalid: 0 };
  for (const cell of results.cells)
    for (const point of measuredPoints(cell)) counts[point.verdict.status] += 1;
  return counts;
}

/** "14 points valid, 1 suspect, 1 invalid". */
export function describeCounts(counts: Readonly<Record<VerdictStatus, number>>): string {
  const total = counts.valid + counts.suspect + counts.invalid;
  if (total === 0) return "no point measured";
  const parts = [`${counts.valid} of ${total} ${total === 1 ? "point" : "points"} valid`];
  if (counts.suspect > 0) parts.push(`${counts.suspect} suspect`);
  if (counts.invalid > 0) parts.push(`${counts.invalid} invalid`);
  return parts.join(", ");
}
