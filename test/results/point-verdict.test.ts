import { describe, expect, it } from "vitest";
import { judgePoint } from "../../src/results/point-verdict.ts";
import type { Reason, Verdict } from "../../src/results/schema/verdict.ts";
import { verdictFrom } from "../../src/results/verdict.ts";

const load = { arrival: "closed", concurrency: 1, outputTokens: 4 } as const;
const found = (code: Reason["code"], status: Reason["status"], value = 0): Reason => ({
  code,
  status,
  text: `${code} ${value}.`,
  value,
});
const measured = (repetition: number, reasons: Reason[] = [], instance = "a") => ({
  repetition,
  instance,
  verdict: verdictFrom(reasons),
});
const texts = (verdict: Verdict): string[] => verdict.reasons.map(({ text }) => text);

describe("the verdict of a point", () => {
  it("is that of its one measurement", () => {
    const verdict = judgePoint(load, [measured(1, [found("failed-requests", "suspect", 0.01)])], null);
    expect(verdict.status).toBe("suspect");
    expect(texts(verdict)).toEqual(["failed-requests 0.01."]);
  });

  it("is the worst of the measurements that count, each reason once, at its worst, with its repetitions", () => {
    const verdict = judgePoint(
      load,
      [
        measured(1, [found("failed-requests", "suspect", 0.01)]),
        measured(2),
        measured(3, [found("failed-requests", "suspect", 0.04), found("output-length", "suspect", 0.1)]),
      ],
      null,
    );
    expect(verdict.status).toBe("suspect");
    expect(texts(verdict)).toEqual([
      "Repetitions 1, 3, of which the worst: failed-requests 0.04.",
      "Repetition 3: output-length 0.1.",
    ]);
  });

  it("leaves out invalid measurements and says which and why", () => {
    const verdict = judgePoint(
      load,
      [
        measured(1),
        measured(2, [found("failed-requests", "invalid", 0.5), found("output-length", "suspect", 1)]),
      ],
      null,
    );
    expect(verdict.status).toBe("valid");
    expect(verdict.notes.map(({ text }) => text)).toEqual([
      "Repetition 2 is invalid and left out: failed-requests 0.5.",
    ]);
  });

  it("is invalid where all are", () => {
    const verdict = judgePoint(
      load,
      [
        measured(1, [found("schedule-lag", "invalid", 0.3)]),
        measured(2, [found("failed-requests", "invalid", 1)]),
      ],
      null,
    );
    expect(verdict.status).toBe("invalid");
    expect(texts(verdict)).toEqual(["Repetition 1: schedule-lag 0.3.", "Repetition 2: failed-requests 1."]);
  });

  it("notes several instances among the measurements that count", () => {
    const several = judgePoint(load, [measured(1, [], "a"), measured(2, [], "b")], null);
    expect(several.notes).toMatchObject([{ code: "several-instances", value: 2 }]);
    const one = judgePoint(
      load,
      [measured(1, [], "a"), measured(2, [found("failed-requests", "invalid")], "b")],
      null,
    );
    expect(one.notes.map(({ code }) => code)).not.toContain("several-instances");
  });

  it("has each measurement's note once, but judges the sample's size by the point's own", () => {
    const notes = [found("cache-contract", "note", 0.5), found("few-samples", "note", 5)];
    const verdict = judgePoint(
      load,
      [measured(1, notes), measured(2, [found("cache-contract", "note", 0.8)])],
      null,
    );
    expect(verdict.notes.map(({ text }) => text)).toEqual(["cache-contract 0.8."]);
  });
});
