import type { Results } from "../../results/schema/results.ts";
import { abDifferences } from "./ab-differences.ts";
import { byConcurrency, byRate, latencyByOutputLength, throughputByOutputLength } from "./by-load.ts";
import { shareByLoad } from "./capacity.ts";
import { tpotDistribution, ttftDistribution } from "./distributions.ts";
import { latencyHeatMap } from "./heat-map.ts";
import { serversOverTime } from "./over-time.ts";
import type { Palette } from "./palette.ts";
import type { Plot, PlotMaker } from "./plot.ts";
import { relativeToBaseline } from "./relative.ts";
import { startupByPhase } from "./startup.ts";

/** Every plot of a report, in its order. A new plot is a file and a line here. */
const MAKERS: readonly PlotMaker[] = [
  abDifferences,
  byConcurrency,
  byRate,
  shareByLoad,
  throughputByOutputLength,
  latencyByOutputLength,
  ttftDistribution,
  tpotDistribution,
  relativeToBaseline,
  latencyHeatMap,
  serversOverTime,
  startupByPhase,
];

export function makePlots(results: Results, palette: Palette): readonly Plot[] {
  return MAKERS.flatMap((make) => make(results, palette) ?? []);
}
