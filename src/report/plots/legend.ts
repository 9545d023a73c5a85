import type { Results } from "../../results/schema/results.ts";
import { type Entry, variantName, variantNames } from "../groups.ts";
import { type Palette, seriesStyle } from "./palette.ts";
import type { LegendItem } from "./plot.ts";

/** The variants that are drawn, in the run's order. */
export function variantLegend(
  results: Results,
  palette: Palette,
  entries: readonly Entry[],
): readonly LegendItem[] {
  const drawn = new Set(entries.map((entry) => variantName(results, entry.cell)));
  return variantNames(results).flatMap((name, index) => {
    const { color, shape } = seriesStyle(palette, index);
    return drawn.has(name) ? [{ name, color, shape }] : [];
  });
}
