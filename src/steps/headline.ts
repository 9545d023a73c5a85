import type { Metrics } from "../results/schema/metrics.ts";

/** Output tokens a second: in the window where there is one, else over the full run. */
export function headlineRate(metrics: Metrics): number | null {
  return metrics.outputTokensPerSecond?.value ?? metrics.outputTokensPerSecondFullRun?.value ?? null;
}

/** TTFT, ms: the median where the sample carries one, else the mean; from the scheduled time where requests arrive at a rate. */
export function headlineTtftMs({ ttftMs, userTtftMs }: Metrics): number | null {
  const ttft = userTtftMs ?? ttftMs;
  return ttft.p50 ?? ttft.mean;
}
