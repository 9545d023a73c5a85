import { expect, it } from "vitest";
import { ReadSeries } from "../../src/load/read-series.ts";

it("used again for the next answer, it knows nothing of the counts of the one before", () => {
  const series = new ReadSeries();
  for (const atUs of [100, 200]) {
    series.add(atUs, false, 4);
    series.addTokens(3, 2);
  }
  expect(series.tokensByUsage()).toEqual([3, 3]);
  expect(series.tokensByIds()).toEqual([2, 2]);
  series.clear();
  // As many chunks, of a server that says nothing.
  for (const atUs of [300, 400]) {
    series.add(atUs, false, 4);
    series.addTokens(-1, -1);
  }
  expect(series.tokensByUsage()).toBeUndefined();
  expect(series.tokensByIds()).toBeUndefined();
  expect(series.reads().gapsUs).toEqual([0, 100]);
});
