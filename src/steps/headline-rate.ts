import type { Metrics } from "../results/schema/metrics.ts";

/** Output tokens a second: in the window where there is one, else over the full run. */
export function headlineRate(metrics: Metrics): number | null {
  return metrics.outputTokensPerSecond?.value ?? metrics.outputTokensPerSecondFullRun?.value ?? null;
}
