import * as fc from "fast-check";
import { cumulativeStdNormalProbability, gammaln } from "simple-statistics";
import { describe, expect, it } from "vitest";
import {
  binomialCdf,
  incompleteBeta,
  logGamma,
  normalCdf,
  tCdf,
  tQuantile,
} from "../../src/results/probability.ts";

describe("Student's t", () => {
  // NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.2: three decimals.
  it.each([
    [1, 0.975, 12.706],
    [2, 0.975, 4.303],
    [5, 0.95, 2.015],
    [5, 0.995, 4.032],
    [9, 0.975, 2.262],
    [10, 0.975, 2.228],
    [30, 0.975, 2.042],
    [100, 0.99, 2.364],
  ])("has the table's quantile for %d degrees of freedom at %d", (df, p, table) => {
    expect(tQuantile(p, df)).toBeCloseTo(table, 3);
  });

  it("is the arc tangent for one degree of freedom, and has a closed form for two", () => {
    for (const t of [-3, -0.5, 0, 0.1, 2, 40]) {
      expect(tCdf(t, 1)).toBeCloseTo(0.5 + Math.atan(t) / Math.PI, 12);
      expect(tCdf(t, 2)).toBeCloseTo(0.5 + t / (2 * Math.sqrt(2 + t * t)), 12);
    }
  });

  it("inverts its own distribution function, also for fractions of degrees of freedom", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        fc.double({ min: 0.5, max: 1e5, noNaN: true }),
        (p, df) => Math.abs(tCdf(tQuantile(p, df), df) - p) < 1e-9,
      ),
      { seed: 1 },
    );
  });

  it("tends to the normal", () => {
    expect(tQuantile(0.975, 1e7)).toBeCloseTo(1.959964, 5);
  });
});

describe("the binomial", () => {
  it("is the sum of its terms", () => {
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n, k - 1) * (n - k + 1)) / k);
    for (const n of [1, 7, 30]) {
      for (const p of [0.03, 0.5, 0.95]) {
        let sum = 0;
        for (let k = 0; k < n; k++) {
          sum += choose(n, k) * p ** k * (1 - p) ** (n - k);
          expect(binomialCdf(k, n, p)).toBeCloseTo(sum, 11);
        }
      }
    }
  });

  it("is 0 below its range and 1 at its end", () => {
    expect(binomialCdf(-1, 5, 0.5)).toBe(0);
    expect(binomialCdf(5, 5, 0.5)).toBe(1);
  });

  it("stays right for a million trials", () => {
    // Half the mass lies at or below the mean, but for the half of the middle term.
    const middle = 1 / Math.sqrt(2 * Math.PI * 1e6 * 0.25);
    expect(binomialCdf(500_000, 1e6, 0.5)).toBeCloseTo(0.5 + middle / 2, 7);
  });
});

describe("the special functions", () => {
  it("agree with factorials and with simple-statistics", () => {
    expect(logGamma(11)).toBeCloseTo(Math.log(3_628_800), 12);
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 12);
    for (const x of [1.5, 3.25, 12, 240.5]) expect(logGamma(x)).toBeCloseTo(gammaln(x), 8);
  });

  it("give an incomplete beta that is symmetric and known where it is a power", () => {
    for (const x of [0, 0.01, 0.3, 0.99, 1]) {
      expect(incompleteBeta(x, 3, 1)).toBeCloseTo(x ** 3, 12);
      expect(incompleteBeta(x, 2.5, 4)).toBeCloseTo(1 - incompleteBeta(1 - x, 4, 2.5), 12);
    }
  });

  it("give a normal within 1e-7 of the known, and simple-statistics' table", () => {
    expect(Math.abs(normalCdf(1.959963985) - 0.975)).toBeLessThan(1e-7);
    expect(Math.abs(normalCdf(-2.326347874) - 0.01)).toBeLessThan(1e-7);
    for (const z of [-2.5, -1, 0, 0.44, 3])
      expect(normalCdf(z)).toBeCloseTo(cumulativeStdNormalProbability(z), 3);
  });
});
