import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/load/random.ts";
import type { RequestRecord } from "../../src/load/record.ts";
import { endingOf, judgeEnding, PrecisionRule } from "../../src/results/precision.ts";
import type { StoredLoad } from "../../src/results/schema/summary.ts";
import { summarise } from "../../src/results/summary.ts";
import { headerOf, request } from "./records.ts";

const load = { arrival: "closed", concurrency: 1, outputTokens: 2, requests: 1000, precision: 0.02 } as const;

/** A request with a TTFT, and with a TPOT where it has a second token; all in milliseconds. */
function answer(i: number, ttft: number, tpot?: number, more: { ramp?: boolean; error?: "http" } = {}) {
  const sent = i * 1000;
  const reads = tpot === undefined ? [sent + ttft] : [sent + ttft, sent + ttft + tpot];
  return request({ sent, reads, ...more }, i);
}

/** How many requests a rule takes of those that are made; undefined where it never says that it is enough. */
function taken(rule: PrecisionRule, make: (i: number) => RequestRecord, most = 20_000): number | undefined {
  for (let i = 0; i < most; i++) if (rule.saw(make(i))) return i + 1;
  return undefined;
}

/** Uniform within 30 % of 100. */
function wide(seed: number): () => number {
  const random = createRandom(seed, "precision");
  return () => 70 + 60 * random.next();
}

describe("A load that goes on until it is precise", () => {
  it("is looked at with 30 answers, and ends at the second look that is narrow enough", () => {
    expect(taken(new PrecisionRule(load, false), (i) => answer(i, 50, 10))).toBe(38);
  });

  it("goes on until the wider of TTFT and TPOT is narrow enough", () => {
    const first = wide(1);
    const second = wide(1);
    // A coefficient of variation of 0.173: (1.96 × 0.173 / 0.02)² = 288.
    const byTtft = taken(new PrecisionRule(load, false), (i) => answer(i, first(), 10)) ?? 0;
    const byTpot = taken(new PrecisionRule(load, false), (i) => answer(i, 50, second())) ?? 0;
    expect(byTtft).toBeGreaterThan(250);
    expect(byTtft).toBeLessThan(600);
    expect(byTpot).toBe(byTtft);
  });

  it("looks at E2E where answers have no TPOT", () => {
    const next = wide(2);
    const e2e = (i: number) => {
      const made = answer(i, 50, next());
      return { ...made, tokens: {} };
    };
    expect(taken(new PrecisionRule(load, false), e2e) ?? 0).toBeGreaterThan(60);
    expect(taken(new PrecisionRule(load, false), (i) => answer(i, 50))).toBe(38);
  });

  it("has at least three answers of each stream, and counts neither the ramp nor failures", () => {
    const many = { ...load, concurrency: 20 };
    expect(taken(new PrecisionRule(many, false), (i) => answer(i, 50, 10))).toBe(75);
    const rule = new PrecisionRule(load, false);
    const mixed = (i: number) =>
      i < 10 ? answer(i, 5 * i, 10, { ramp: true }) : answer(i, 50, 10, i < 20 ? { error: "http" } : {});
    expect(taken(rule, mixed)).toBe(58);
  });

  it("counts from the schedule where requests arrive at a rate, and leaves out the first tenth", () => {
    const open = { arrival: "poisson", precision: 0.02 } as const;
    // The first three find an empty server.
    const make = (i: number) =>
      request({ scheduled: i * 10, sent: i * 10 + 2, reads: [i * 10 + (i < 3 ? 3 : 12), i * 10 + 13] }, i);
    expect(taken(new PrecisionRule(open, false), make)).toBe(38);
  });

  it("takes requests in the order of sending, however they end", () => {
    const next = wide(3);
    const made = Array.from({ length: 2000 }, (_, i) => answer(i, next(), 10));
    const swapped = made.map((_, i) => made[i ^ 1] as RequestRecord);
    const inOrder = taken(new PrecisionRule(load, false), (i) => made[i] as RequestRecord, 2000);
    const rule = new PrecisionRule(load, false);
    const mixed = taken(rule, (i) => swapped[i] as RequestRecord, 2000);
    expect(mixed).toBe(inOrder);
    expect(rule.reached).toBe(true);
  });

  it("needs more where answers depend on those before them", () => {
    const series = (rho: number) => {
      const random = createRandom(4, "depends");
      let before = 0;
      return (i: number) => {
        before = rho * before + Math.sqrt(1 - rho * rho) * (random.next() - 0.5);
        return answer(i, 100 + 60 * before, 10);
      };
    };
    const independent = taken(new PrecisionRule(load, false), series(0)) ?? 0;
    const dependent = taken(new PrecisionRule(load, false), series(0.8)) ?? 0;
    expect(dependent).toBeGreaterThan(3 * independent);
  });

  it("says in advance about how many answers it takes", () => {
    const next = wide(5);
    const rule = new PrecisionRule(load, false);
    expect(rule.expectedAnswers).toBe(0);
    taken(rule, (i) => answer(i, next(), 10), 80);
    expect(rule.expectedAnswers).toBeGreaterThan(150);
    expect(rule.expectedAnswers).toBeLessThan(600);
  });
});

describe("Where such a load ended", () => {
  const circumstances = {
    cell: "cell",
    repetition: 1,
    deployment: 1,
    instance: "instance",
    specHash: "hash",
    startedAt: "2026-11-25T00:00:00Z",
    finishedAt: "2026-11-25T00:01:00Z",
    simulated: false,
    outputLength: "free",
    cache: "warm",
    ownServer: true,
    instanceChanged: false,
    interrupted: false,
    clientBesideServer: false,
  } as const;
  const summaryOf = (n: number, more: object) => {
    const next = wide(6);
    const records = Array.from({ length: n }, (_, i) => answer(i, next(), 10));
    return summarise(headerOf(load), () => records, { ...circumstances, ...more });
  };

  it("is a note where it is precise, with the widths that it came to", async () => {
    const { ending, verdict, metrics } = await summaryOf(600, { endedBy: "precision" });
    const { mean, intervals } = metrics.ttftMs;
    const [low, high] = intervals.mean ?? [0, 0];
    expect(ending).toEqual({
      by: "precision",
      asked: 0.02,
      reached: { ttft: (high - low) / 2 / (mean ?? 0), tpot: 0 },
    });
    expect(verdict.status).toBe("valid");
    const [note] = verdict.notes;
    expect(note).toMatchObject({ code: "precision-reached", status: "note", threshold: 0.02 });
    expect(note?.text).toMatch(
      /^It ended after 600 answers: mean TTFT ± 1\.\d+ %, mean TPOT ± 0 % \(asked: ± 2 %\)\.$/,
    );
  });

  it("makes the verdict suspect where a limit came first, which measuring again does not cure", async () => {
    const { verdict } = await summaryOf(100, { endedBy: "time" });
    expect(verdict.status).toBe("suspect");
    expect(verdict.reasons).toMatchObject([{ code: "precision-not-reached", curable: false }]);
    const atRequests = await summaryOf(100, { endedBy: "requests" });
    expect(atRequests.verdict.reasons[0]?.text).toMatch(
      /^It ended at its limit of 1000 requests, after 100 answers: mean TTFT ± 3\.\d+ %/,
    );
  });

  it("says so where the sample has no interval at all", async () => {
    const { ending, verdict } = await summaryOf(5, { endedBy: "time" });
    expect(ending?.reached).toEqual({ ttft: null, tpot: null });
    expect(verdict.reasons[0]?.text).toContain("mean TTFT has no interval");
  });

  it("is not judged of a part, nor of a load that asks for no precision", async () => {
    const { ending, verdict } = await summaryOf(100, { interrupted: true });
    expect(ending?.by).toBe("interrupted");
    expect(verdict.reasons.map(({ code }) => code)).toEqual(["interrupted"]);
    const { precision: _, ...plain }: StoredLoad = load;
    expect(endingOf(plain, (await summaryOf(100, {})).metrics, "requests")).toBeUndefined();
    expect(judgeEnding(plain, 100, undefined)).toEqual([]);
  });
});
