import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { binValues } from "../../src/results/histogram.ts";

describe("a histogram", () => {
  it("has equal bins from the lowest to the highest, the last with its upper edge", () => {
    expect(binValues(Float64Array.from([0, 1, 2, 4]))).toEqual({ edgesMs: [0, 2, 4], counts: [2, 2] });
  });

  it("of equal values is one bin, of none is empty", () => {
    expect(binValues(Float64Array.from([5, 5, 5]))).toEqual({ edgesMs: [5, 5], counts: [3] });
    expect(binValues(new Float64Array())).toEqual({ edgesMs: [], counts: [] });
  });

  it("counts every value once in at most 40 bins with rising edges", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e7, noNaN: true }), {
          minLength: 1,
          maxLength: 3000,
          size: "max",
        }),
        (values) => {
          const { edgesMs, counts } = binValues(Float64Array.from(values));
          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(values.length);
          expect(counts.length).toBeLessThanOrEqual(40);
          expect(edgesMs).toEqual([...edgesMs].sort((a, b) => a - b));
          expect(edgesMs[0]).toBe(Math.min(...values));
          expect(edgesMs.at(-1)).toBe(Math.max(...values));
        },
      ),
      { seed: 1, numRuns: 50 },
    );
  });
});
