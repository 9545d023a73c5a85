import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/load/random.ts";
import { type ComparedPoint, comparePoints } from "../../src/results/ab/compare.ts";
import { detectableNoncentrality, holm, pairedT } from "../../src/results/ab/paired-t.ts";
import { noncentralTCdf, tCdf } from "../../src/results/probability.ts";
import type { Metrics } from "../../src/results/schema/metrics.ts";
import { blockMetrics } from "./block-metrics.ts";

describe("the noncentral t", () => {
  /** P(Z + shift ≤ t √(V / df)) for V chi-squared, summed over fine steps of √(V / df): another way to the same. */
  function summed(t: number, df: number, shift: number): number {
    const steps = 20_000;
    const top = 6;
    let mass = 0;
    let sum = 0;
    for (let i = 0; i < steps; i++) {
      const s = ((i + 0.5) / steps) * top;
      const weight = Math.exp((df - 1) * Math.log(s) - (df * s * s) / 2 + df / 2);
      mass += weight;
      sum += weight * normal(t * s - shift);
    }
    return sum / mass;
  }
  /** The standard normal's distribution function by its own series (Abramowitz and Stegun 26.2.11). */
  function normal(z: number): number {
    if (z < -8) return 0;
    if (z > 8) return 1;
    let term = z;
    let sum = z;
    for (let n = 1; Math.abs(term) > 1e-17; n++) {
      term *= (z * z) / (2 * n + 1);
      sum += term;
    }
    return 0.5 + (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * sum;
  }

  it("is what its definition gives, summed", () => {
    for (const df of [5, 6, 9, 19, 40]) {
      for (const shift of [-2, 0, 0.7, 2.5, 5, 9]) {
        for (const t of [-3, -0.5, 0, 1, 2.571, 4.032, 8]) {
          expect(noncentralTCdf(t, df, shift)).toBeCloseTo(summed(t, df, shift), 5);
        }
      }
    }
  });

  it("is Student's t without a shift", () => {
    for (const t of [-4, -1, 0, 0.3, 2, 9]) expect(noncentralTCdf(t, 5, 0)).toBeCloseTo(tCdf(t, 5), 6);
  });

  // Cohen, Statistical Power Analysis, 2nd ed., and G*Power's tables: d of a paired test at 80 % power, two-sided 0.05.
  it.each([
    [6, 1.44],
    [10, 1.0],
    [20, 0.66],
    [34, 0.495],
  ])("finds with %d pairs what the tables of power say", (pairs, d) => {
    const found = detectableNoncentrality(pairs - 1, 0.05) / Math.sqrt(pairs);
    expect(Math.abs(found - d)).toBeLessThan(0.006);
  });
});

describe("the paired t", () => {
  // Student's own data, Biometrika 6 (1908) 20: hours of sleep gained by two drugs.
  it("gives Student's own figures", () => {
    const { mean, deviation, p, interval } = pairedT([1.2, 2.4, 1.3, 1.3, 0, 1.0, 1.8, 0.8, 4.6, 1.4]);
    expect(mean).toBeCloseTo(1.58, 10);
    expect(deviation).toBeCloseTo(1.23, 3);
    expect(p).toBeCloseTo(0.002833, 6);
    expect(interval.map((end) => Number(end.toFixed(4)))).toEqual([0.7001, 2.4599]);
  });

  it("finds nothing where no pair differs", () => {
    expect(pairedT([0, 0, 0, 0, 0, 0]).p).toBe(1);
    expect(pairedT([1e-15, 2e-15, 1e-15, 1e-15, 1e-15, 1e-15]).p).toBe(1);
  });

  it("is certain where all pairs differ by exactly as much", () => {
    expect(pairedT([0.5, 0.5, 0.5, 0.5, 0.5, 0.5]).p).toBe(0);
  });
});

describe("Holm's correction", () => {
  it("takes each p value times how many are left, and never less than those before", () => {
    const corrected = holm([0.01, 0.04, 0.03, 0.005]);
    expect(corrected.map((p) => Number(p.toFixed(10)))).toEqual([0.03, 0.06, 0.06, 0.02]);
  });

  it("leaves one alone as it is, and ends at 1", () => {
    expect(holm([0.03])).toEqual([0.03]);
    expect(holm([0.9, 0.8])).toEqual([1, 1]);
  });
});

/** Pairs whose blocks have these logarithms of change from A to B, by chance, and a tenth of it in everything else. */
function pointOf(
  change: { readonly tpot: number; readonly ttft: number },
  options: { readonly pairs?: number; readonly noise?: number; readonly seed?: number } = {},
): ComparedPoint {
  const { pairs = 6, noise = 0.01, seed = 1 } = options;
  const random = createRandom(seed, "pairs");
  const jitter = () => Math.exp(noise * (random.next() + random.next() - 1));
  return {
    pointA: "c1-out64",
    pointB: "c1-out64",
    openLoop: false,
    pairs: Array.from({ length: pairs }, (_, index) => ({
      pair: index + 1,
      a: blockMetrics({ ttftMs: 50 * jitter(), tpotMs: 10 * jitter() }),
      b: blockMetrics({
        ttftMs: 50 * Math.exp(change.ttft) * jitter(),
        tpotMs: 10 * Math.exp(change.tpot) * jitter(),
      }),
    })),
  };
}

const findings = (points: readonly ComparedPoint[]) =>
  Object.fromEntries(comparePoints(points).comparisons.map(({ metric, finding }) => [metric, finding]));

describe("an A/B", () => {
  it("finds what differs, in the right direction and size, and nothing else", () => {
    const { comparisons } = comparePoints([pointOf({ tpot: Math.log(0.8), ttft: 0 })]);
    const by = Object.fromEntries(comparisons.map((each) => [each.metric, each]));
    expect(by["tpotMs.mean"]).toMatchObject({ finding: "better" });
    expect(by["tpotMs.mean"]?.difference).toBeCloseTo(-0.2, 2);
    expect(by["outputTokensPerSecond"]).toMatchObject({ finding: "better" });
    expect(by["outputTokensPerSecond"]?.difference).toBeGreaterThan(0.15);
    expect(by["ttftMs.mean"]).toMatchObject({ finding: "no-difference-shown" });
    expect(by["ttftMs.mean"]?.smallestSeen).toBeGreaterThan(0.005);
  });

  it("calls more tokens a second better and longer latencies worse", () => {
    expect(findings([pointOf({ tpot: 0.3, ttft: 0.3 })])).toEqual({
      "ttftMs.mean": "worse",
      "tpotMs.mean": "worse",
      "e2eMs.mean": "worse",
      outputTokensPerSecond: "worse",
    });
  });

  it("is the same in logarithms whichever of the two is called A", () => {
    const point = pointOf({ tpot: 0.1, ttft: 0.05 });
    const turned = { ...point, pairs: point.pairs.map(({ pair, a, b }) => ({ pair, a: b, b: a })) };
    const [forth, back] = [comparePoints([point]).comparisons, comparePoints([turned]).comparisons];
    for (const [index, each] of forth.entries()) {
      expect(1 / (1 + each.difference)).toBeCloseTo(1 + (back[index]?.difference ?? 0), 10);
      expect(back[index]?.p).toBeCloseTo(each.p, 10);
    }
  });

  it("asks more of each comparison the more there are", () => {
    const one = pointOf({ tpot: 0, ttft: 0 });
    const alone = comparePoints([one]).comparisons[0];
    const amongMany = comparePoints([one, one, one, one]).comparisons[0];
    expect(amongMany?.p).toBe(alone?.p);
    expect(amongMany?.smallestSeen).toBeGreaterThan(alone?.smallestSeen ?? Number.POSITIVE_INFINITY);
    expect(amongMany?.smallestSeenAlone).toBe(alone?.smallestSeenAlone);
  });

  it("says in words what it found and what it could have found", () => {
    const sentences = comparePoints([pointOf({ tpot: Math.log(0.8), ttft: 0 })]).comparisons.map(
      ({ sentence }) => sentence,
    );
    expect(sentences[0]).toMatch(
      /^TTFT: no difference shown, [+−][\d.]+ % \(−[\d.]+ to \+[\d.]+ %\); [\d.]+ % would have been seen\.$/,
    );
    expect(sentences[1]).toMatch(/^TPOT: better, −(19|20)[\d.]* % \(−2[\d.]+ to −1[\d.]+ %\)\.$/);
  });

  it("names the points where there are several, and both where their load differs", () => {
    const point = { ...pointOf({ tpot: 0, ttft: 0 }), pointB: "c8-out64" };
    expect(comparePoints([point, point]).comparisons[0]?.sentence).toContain(
      "TTFT at c1-out64 against c8-out64:",
    );
  });

  it("compares nothing of a point with fewer than six pairs that can be used, and says so", () => {
    const { comparisons, omitted } = comparePoints([pointOf({ tpot: 1, ttft: 1 }, { pairs: 5 })]);
    expect(comparisons).toEqual([]);
    expect(omitted).toEqual([
      "c1-out64: 5 pairs can be used, and 6 are needed; the others have a block that is invalid.",
    ]);
  });

  it("leaves out a metric that blocks do not have, and takes what stands in for it", () => {
    const point = pointOf({ tpot: 0, ttft: 0 });
    const without = (metrics: Metrics): Metrics => ({
      ...metrics,
      tpotMs: { ...metrics.tpotMs, mean: null },
      outputTokensPerSecond: null,
    });
    const { comparisons, omitted } = comparePoints([
      { ...point, pairs: point.pairs.map(({ pair, a, b }) => ({ pair, a: without(a), b: without(b) })) },
    ]);
    expect(comparisons.map(({ metric }) => metric)).toEqual([
      "ttftMs.mean",
      "e2eMs.mean",
      "outputTokensPerSecondFullRun",
    ]);
    expect(omitted).toEqual(["c1-out64: TPOT is not in both blocks of 6 pairs."]);
  });

  it("compares goodput's share by points, not by a ratio", () => {
    const point = pointOf({ tpot: 0, ttft: 0 });
    const withGoodput = (metrics: Metrics, share: number): Metrics => ({
      ...metrics,
      goodput: { share, perSecond: null, interval: null },
    });
    const { comparisons } = comparePoints([
      {
        ...point,
        pairs: point.pairs.map(({ pair, a, b }, index) => ({
          pair,
          a: withGoodput(a, 0.9 + 0.002 * (index % 2)),
          b: withGoodput(b, 0),
        })),
      },
    ]);
    const goodput = comparisons.find(({ metric }) => metric === "goodput.share");
    expect(goodput).toMatchObject({ finding: "worse", scale: "share" });
    expect(goodput?.sentence).toMatch(/^goodput's share: worse, −90\.1 points/);
  });
});
