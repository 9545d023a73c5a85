import * as fc from "fast-check";
import { mean, sampleStandardDeviation } from "simple-statistics";
import { describe, expect, it } from "vitest";
import { autocorrelation, effectiveCount, independentCount } from "../../src/results/correlation.ts";
import { orderRanks } from "../../src/results/order-ranks.ts";
import { binomialCdf } from "../../src/results/probability.ts";
import {
  MIN_SAMPLES,
  meanInterval,
  moments,
  PERCENTILES,
  quantile,
  summariseLatency,
  wilsonInterval,
} from "../../src/results/statistics.ts";
import { normalFrom, randomFrom } from "./records.ts";

const finite = fc.double({ min: 0.001, max: 1e6, noNaN: true });
const samples = fc.array(finite, { minLength: 1, maxLength: 300, size: "max" });

describe("a quantile", () => {
  it("interpolates between the two nearest ranks as numpy does", () => {
    // numpy.percentile([1, 2, 3, 4], [0, 25, 50, 90, 100]) = 1, 1.75, 2.5, 3.7, 4
    const sorted = [1, 2, 3, 4];
    expect([0, 0.25, 0.5, 0.9, 1].map((p) => quantile(sorted, p))).toEqual([1, 1.75, 2.5, 3.7, 4]);
    expect(quantile([7], 0.99)).toBe(7);
  });
});

describe("the fewest samples of a percentile", () => {
  it.each(PERCENTILES)(
    "is for %s the first at which the second largest is a 99 %% upper bound",
    (name, p) => {
      // The second largest is below the percentile when at most one of n lies above it.
      const fails = (n: number): number => 1 - binomialCdf(n - 2, n, p);
      expect(fails(MIN_SAMPLES[name])).toBeLessThanOrEqual(0.01);
      expect(fails(MIN_SAMPLES[name] - 1)).toBeGreaterThan(0.01);
    },
  );

  it("is kept: one sample fewer gives null", () => {
    for (const [name] of PERCENTILES) {
      const n = MIN_SAMPLES[name];
      const random = randomFrom(n);
      const drawn = Float64Array.from({ length: n }, random);
      // Sorted into a zigzag, so that no sample is held for correlated with the one before.
      drawn.sort();
      const apart = drawn.map((_, i) => drawn[i % 2 === 0 ? i / 2 : n - (i + 1) / 2] as number);
      expect(summariseLatency(apart)[name]).not.toBeNull();
      expect(summariseLatency(apart).intervals[name]).toBeDefined();
      expect(summariseLatency(apart.subarray(1))[name]).toBeNull();
      expect(summariseLatency(apart.subarray(1)).intervals[name]).toBeUndefined();
    }
  });
});

describe("ranks of order statistics", () => {
  const held = ([low, high]: readonly [number, number], n: number, p: number) =>
    binomialCdf(high - 1, n, p) - binomialCdf(low - 1, n, p);
  /** Mean distance of two order statistics of n exponential samples. */
  const distance = ([low, high]: readonly [number, number], n: number) =>
    Array.from({ length: high - low }, (_, i) => 1 / (n - low - i)).reduce((sum, step) => sum + step, 0);

  it("are those of the tables, or nearer where the tables ask for equal tails", () => {
    // Conover, Practical Nonparametric Statistics, has [2, 10], [6, 15] and [8, 18] for the median of 11, 20 and 25.
    expect(orderRanks(11, 0.5, 0.95)).toEqual([2, 9]);
    expect(orderRanks(20, 0.5, 0.95)).toEqual([6, 15]);
    expect(orderRanks(25, 0.5, 0.95)).toEqual([8, 18]);
  });

  it("do not exist where the largest value is no upper bound", () => {
    expect(orderRanks(5, 0.5, 0.95)).toBeUndefined();
    expect(orderRanks(100, 0.99, 0.95)).toBeUndefined();
    expect(orderRanks(0, 0.5, 0.95)).toBeUndefined();
  });

  it("hold the quantile with 95 % by the binomial itself, and no pair that does is nearer", () => {
    fc.assert(
      fc.property(fc.integer({ min: 6, max: 400 }), fc.constantFrom(0.5, 0.9, 0.95, 0.99), (n, p) => {
        const ranks = orderRanks(n, p, 0.95);
        const width = ranks === undefined ? Number.POSITIVE_INFINITY : distance(ranks, n);
        expect(ranks === undefined ? 1 : held(ranks, n, p)).toBeGreaterThanOrEqual(0.95 - 1e-9);
        for (let low = 1; low < n; low++) {
          let high = low + 1;
          while (high <= n && held([low, high], n, p) < 0.95) high++;
          if (high > n) continue;
          expect(width).toBeLessThanOrEqual(distance([low, high], n) + 1e-9);
        }
      }),
      { seed: 2, numRuns: 30 },
    );
  });
});

describe("autocorrelation", () => {
  it("is what the textbook formula gives", () => {
    // Mean 3; deviations -2 -1 0 1 2; products 2 + 0 + 0 + 2 = 4; squares 10.
    expect(autocorrelation([1, 2, 3, 4, 5], 1)).toBeCloseTo(0.4, 12);
    // Without the pair (3, 4), which straddles two measurements, the products are 2 + 0 + 2: the pair adds 0 × 1.
    expect(autocorrelation([1, 2, 3, 4, 5], 1, new Set([1]))).toBeCloseTo(0.2, 12);
  });

  it("is 0 for values that do not vary, and for fewer than three", () => {
    expect(autocorrelation([0.1, 0.1, 0.1, 0.1], 1)).toBe(0);
    expect(autocorrelation([1, 2], 1)).toBe(0);
  });

  it("counts n (1 − ρ) / (1 + ρ) only above 0.1", () => {
    expect(effectiveCount(100, 0.1)).toBe(100);
    expect(effectiveCount(100, -0.5)).toBe(100);
    expect(effectiveCount(100, 0.5)).toBeCloseTo(33.333, 3);
  });

  it("sums lags as long as they are positive", () => {
    // An AR(1) series counts for n (1 − ρ) / (1 + ρ): 2,000 / 3 where ρ = 0.5.
    const next = normalFrom(11);
    let before = next();
    const series = Float64Array.from({ length: 2000 }, () => {
      before = 0.5 * before + Math.sqrt(0.75) * next();
      return before;
    });
    expect(independentCount(series)).toBeGreaterThan(500);
    expect(independentCount(series)).toBeLessThan(900);
    expect(independentCount(series, new Set([1000]))).toBeCloseTo(independentCount(series), -2);
  });

  it("takes a percentile away from a sample that drifts", () => {
    const drifting = Float64Array.from({ length: 20 }, (_, i) => 100 + i);
    const summary = summariseLatency(drifting);
    expect(summary.count).toBe(20);
    expect(summary.effectiveCount).toBeLessThan(11);
    expect(summary.p50).toBeNull();
    expect(summary.mean).toBeCloseTo(109.5, 9);
  });
});

describe("an interval of a mean", () => {
  it("is mean ± t · s / √n where nothing is skewed", () => {
    // 11 values 1 … 11: mean 6, s² = 11, t(0.975, 10) = 2.228139: half = 2.228139 · √11 / √11.
    const zigzag = Float64Array.from([1, 11, 2, 10, 3, 9, 4, 8, 5, 7, 6]);
    const summary = summariseLatency(zigzag);
    expect(summary.effectiveCount).toBe(11);
    expect(summary.intervals.mean?.[0]).toBeCloseTo(6 - 2.228139, 5);
    expect(summary.intervals.mean?.[1]).toBeCloseTo(6 + 2.228139, 5);
  });

  it("reaches further up than down where values have a long upper tail", () => {
    // Hall's transformation by hand, n = 11: values 1 × 10 and 12: mean 2, s = 3.316625, skewness 2.846050.
    const skewed = Float64Array.of(1, 1, 1, 1, 1, 12, 1, 1, 1, 1, 1);
    const bend = 2.84605 / (3 * Math.sqrt(11));
    const back = (t: number) => (Math.cbrt(1 + 3 * bend * (t - bend / 2)) - 1) / bend;
    const [low, high] = summariseLatency(skewed).intervals.mean as [number, number];
    expect(low).toBeCloseTo(Math.max(0, 2 - back(2.228139)), 4);
    expect(high).toBeCloseTo(2 - back(-2.228139), 4);
  });

  it("is there from 11 requests up", () => {
    const ten = Float64Array.from([1, 10, 2, 9, 3, 8, 4, 7, 5, 6]);
    expect(summariseLatency(ten).intervals.mean).toBeUndefined();
    expect(summariseLatency(ten).mean).toBe(5.5);
  });

  it("of a latency never begins below 0, however far its values spread", () => {
    // Ten at 1 ms and one at 1 s: t alone would reach down to about -110 ms.
    const summary = summariseLatency(Float64Array.of(1, 1, 1, 1, 1, 1000, 1, 1, 1, 1, 1));
    expect(summary.mean).toBeCloseTo(91.8, 1);
    expect(summary.intervals.mean?.[0]).toBe(0);
    expect(summary.intervals.mean?.[1]).toBeGreaterThan(290);
  });

  it("is not there for what counts for less than two samples", () => {
    expect(meanInterval(5, 1, 1.9)).toBeUndefined();
  });
});

describe("Wilson's interval", () => {
  it("is the published one", () => {
    // Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3: 81 of 263, 15 of 148, 0 of 20.
    for (const [k, n, low, high] of [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
    ] as const) {
      const interval = wilsonInterval(k, n);
      expect(interval?.[0]).toBeCloseTo(low, 4);
      expect(interval?.[1]).toBeCloseTo(high, 4);
    }
  });

  it("holds the share, within 0 and 1, and is null without samples", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (n, part) => {
          const k = Math.round(part * n);
          const [low, high] = wilsonInterval(k, n) as [number, number];
          expect(low).toBeGreaterThanOrEqual(0);
          expect(high).toBeLessThanOrEqual(1);
          expect(low).toBeLessThanOrEqual(k / n);
          expect(high).toBeGreaterThanOrEqual(k / n);
        },
      ),
      { seed: 3 },
    );
    expect(wilsonInterval(0, 0)).toBeNull();
  });
});

describe("a summary", () => {
  it("of nothing has nothing", () => {
    const summary = summariseLatency(new Float64Array());
    expect(summary).toMatchObject({ count: 0, mean: null, min: null, max: null, p50: null, intervals: {} });
  });

  it("agrees with simple-statistics on mean and deviation", () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 2, maxLength: 200, size: "max" }), (values) => {
        const ours = moments(values);
        // Of the size of the values: a deviation far below them has no more digits.
        const digits = 1e-10 * (Math.abs(ours.mean) + ours.deviation);
        expect(Math.abs(ours.mean - mean(values))).toBeLessThanOrEqual(digits);
        expect(Math.abs(ours.deviation - sampleStandardDeviation(values))).toBeLessThanOrEqual(digits);
      }),
      { seed: 4 },
    );
  });

  it("has percentiles in order, inside lowest and highest, each inside its interval", () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 900, size: "max" }), (values) => {
        const summary = summariseLatency(Float64Array.from(values));
        const printed = PERCENTILES.flatMap(([name]) => (summary[name] === null ? [] : [summary[name]]));
        const inOrder = [summary.min as number, ...printed, summary.max as number];
        for (let i = 1; i < inOrder.length; i++) {
          expect(inOrder[i]).toBeGreaterThanOrEqual(inOrder[i - 1] as number);
        }
        for (const name of ["mean", "p50", "p90", "p95", "p99"] as const) {
          const interval = summary.intervals[name];
          if (interval === undefined) continue;
          expect(interval[0]).toBeLessThanOrEqual(summary[name] as number);
          expect(interval[1]).toBeGreaterThanOrEqual(summary[name] as number);
        }
      }),
      { seed: 5, numRuns: 60 },
    );
  });

  it("scales with its values", () => {
    fc.assert(
      fc.property(samples, fc.constantFrom(0.001, 0.5, 3, 1000), (values, factor) => {
        const one = summariseLatency(Float64Array.from(values));
        const scaled = summariseLatency(Float64Array.from(values, (value) => value * factor));
        for (const name of ["mean", "min", "max", "p50", "p90", "p95"] as const) {
          expect(scaled[name] === null).toBe(one[name] === null);
          expect((scaled[name] ?? factor) / ((one[name] ?? 1) * factor)).toBeCloseTo(1, 9);
        }
        expect(scaled.effectiveCount / one.effectiveCount).toBeCloseTo(1, 6);
      }),
      { seed: 6 },
    );
  });

  it("does not depend on the order of values, but for what the order says of their independence", () => {
    fc.assert(
      fc.property(samples, (values) => {
        const forwards = summariseLatency(Float64Array.from(values));
        const sorted = summariseLatency(Float64Array.from(values).sort());
        expect(sorted.min).toBe(forwards.min);
        expect(sorted.max).toBe(forwards.max);
        expect((sorted.mean as number) / (forwards.mean as number)).toBeCloseTo(1, 9);
        expect(sorted.p50 ?? forwards.p50).toBe(forwards.p50 ?? sorted.p50);
        expect(summariseLatency(Float64Array.from(values).reverse()).effectiveCount).toBeCloseTo(
          forwards.effectiveCount,
          6,
        );
      }),
      { seed: 7 },
    );
  });
});

describe("coverage in 1500 simulated measurements", () => {
  const runs = 1500;

  /** Share of runs in which the interval of `name` holds the truth. */
  function coverage(
    name: "mean" | "p50" | "p90" | "p95" | "p99",
    truth: number,
    draw: (run: number) => Float64Array,
  ): number {
    let held = 0;
    let given = 0;
    for (let run = 0; run < runs; run++) {
      const interval = summariseLatency(draw(run)).intervals[name];
      if (interval === undefined) continue;
      given++;
      if (interval[0] <= truth && truth <= interval[1]) held++;
    }
    expect(given).toBeGreaterThan(runs / 2);
    return held / given;
  }

  const exponential =
    (n: number) =>
    (run: number): Float64Array => {
      const random = randomFrom(run * 7919 + n);
      return Float64Array.from({ length: n }, () => -Math.log(random()));
    };

  it("holds the median of 12 and of 40 exponential latencies", () => {
    expect(coverage("p50", Math.LN2, exponential(12))).toBeGreaterThanOrEqual(0.94);
    expect(coverage("p50", Math.LN2, exponential(40))).toBeGreaterThanOrEqual(0.94);
  });

  it("holds the 90th, 95th and 99th percentile where they are printed", () => {
    expect(coverage("p90", Math.log(10), exponential(80))).toBeGreaterThanOrEqual(0.94);
    expect(coverage("p95", Math.log(20), exponential(160))).toBeGreaterThanOrEqual(0.94);
    expect(coverage("p99", Math.log(100), exponential(800))).toBeGreaterThanOrEqual(0.94);
  });

  it("holds the mean of 12 normal latencies, and of correlated ones", () => {
    const normal =
      (n: number, rho: number) =>
      (run: number): Float64Array => {
        const next = normalFrom(run * 104_729 + n);
        let before = next();
        return Float64Array.from({ length: n }, () => {
          before = rho * before + Math.sqrt(1 - rho * rho) * next();
          return 100 + 5 * before;
        });
      };
    expect(coverage("mean", 100, normal(12, 0))).toBeGreaterThanOrEqual(0.93);
    expect(coverage("mean", 100, normal(200, 0.6))).toBeGreaterThanOrEqual(0.93);
    // What ignoring the correlation would give is far from it: the effective number is what holds the level.
    const naive = Array.from({ length: runs }, (_, run) => {
      const { mean: centre, deviation } = moments(normal(200, 0.6)(run));
      return Math.abs(centre - 100) <= (1.972 * deviation) / Math.sqrt(200);
    });
    expect(naive.filter(Boolean).length / runs).toBeLessThan(0.8);
  });
});
