import type { Metrics } from "./schema/metrics.ts";
import type { MeasurementSummary, StoredLoad } from "./schema/summary.ts";
import type { Reason, Verdict } from "./schema/verdict.ts";
import { noteSample, verdictFrom } from "./verdict.ts";

type Judged = Pick<MeasurementSummary, "repetition" | "instance" | "verdict">;

/** A point's numbers come from the measurements that are not invalid. */
export function isUsable(measurement: Pick<MeasurementSummary, "verdict">): boolean {
  return measurement.verdict.status !== "invalid";
}

/**
 * The verdict of a point: the worst of the measurements that its numbers come from, or of all where none is usable.
 * Each reason is there once, at its worst, and names its repetitions where there are several. `metrics` are the point's
 * own.
 */
export function judgePoint(
  load: StoredLoad,
  measurements: readonly Judged[],
  metrics: Metrics | null,
): Verdict {
  const usable = measurements.filter(isUsable);
  const used = usable.length > 0 ? usable : measurements;
  const findings = commonReasons(used, measurements.length > 1);
  const left = measurements.filter((measurement) => !used.includes(measurement));
  for (const { repetition, verdict } of left) {
    for (const reason of verdict.reasons.filter(({ status }) => status === "invalid")) {
      findings.push({
        ...reason,
        status: "note",
        text: `Repetition ${repetition} is invalid and left out: ${reason.text}`,
      });
    }
  }
  const instances = new Set(used.map(({ instance }) => instance)).size;
  if (instances > 1) {
    findings.push({
      code: "several-instances",
      status: "note",
      text: `The measurements were made on ${instances} instances of the server.`,
      value: instances,
    });
  }
  findings.push(...(metrics === null ? [] : noteSample(load, metrics)), ...commonNotes(used));
  return verdictFrom(findings);
}

function commonReasons(measurements: readonly Judged[], several: boolean): Reason[] {
  const found = new Map<string, { worst: Reason; repetitions: number[] }>();
  for (const { repetition, verdict } of measurements) {
    for (const reason of verdict.reasons) {
      const known = found.get(reason.code);
      if (known === undefined) found.set(reason.code, { worst: reason, repetitions: [repetition] });
      else {
        known.repetitions.push(repetition);
        if (isWorse(reason, known.worst)) known.worst = reason;
      }
    }
  }
  return [...found.values()].map(({ worst, repetitions }) => {
    if (!several) return worst;
    const names = repetitions.join(", ");
    const where =
      repetitions.length === 1 ? `Repetition ${names}` : `Repetitions ${names}, of which the worst`;
    return { ...worst, text: `${where}: ${worst.text}` };
  });
}

function isWorse(a: Reason, b: Reason): boolean {
  if (a.status !== b.status) return a.status === "invalid";
  return Math.abs(a.value ?? 0) > Math.abs(b.value ?? 0);
}

/** Notes of the measurements, one of a kind: the one with the largest figure. Sample size is the point's own matter. */
function commonNotes(measurements: readonly Judged[]): Reason[] {
  const notes = new Map<string, Reason>();
  for (const note of measurements.flatMap(({ verdict }) => verdict.notes)) {
    if (note.code === "few-samples") continue;
    const known = notes.get(note.code);
    if (known === undefined || (note.value ?? 0) > (known.value ?? 0)) notes.set(note.code, note);
  }
  return [...notes.values()];
}
