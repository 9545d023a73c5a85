import type { Histogram } from "./schema/results.ts";

/** Equal bins from the lowest value to the highest, about the square root of their number: 1 to 40. */
export function binValues(values: Float64Array): Histogram {
  if (values.length === 0) return { edgesMs: [], counts: [] };
  const low = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const high = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const bins = high === low ? 1 : Math.min(40, Math.ceil(Math.sqrt(values.length)));
  const counts = Array.from({ length: bins }, () => 0);
  for (const value of values) {
    const bin = high === low ? 0 : Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const edgesMs = Array.from({ length: bins + 1 }, (_, i) =>
    i === bins ? high : low + ((high - low) * i) / bins,
  );
  return { edgesMs, counts };
}
