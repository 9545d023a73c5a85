import type { PricePlan } from "../../config/plan.ts";
import type { Cost } from "../schema/capacity.ts";
import type { Metrics } from "../schema/metrics.ts";

/** Price of a million tokens, of a server that makes so many a second: price a GPU-hour × GPUs / 3600 / rate × 10⁶. */
export function perMillionTokens(
  price: PricePlan,
  tokensPerSecond: number | null | undefined,
): number | null {
  if (tokensPerSecond === null || tokensPerSecond === undefined || !(tokensPerSecond > 0)) return null;
  return ((price.perGpuHour * price.gpus) / 3600 / tokensPerSecond) * 1e6;
}

/** What a point's tokens cost, by its throughput in the window (over the full run, where it has no window). */
export function costOf(price: PricePlan, metrics: Metrics): Cost {
  const rate = metrics.outputTokensPerSecond ?? metrics.outputTokensPerSecondFullRun;
  return {
    currency: price.currency,
    perMillionOutputTokens: perMillionTokens(price, rate?.value),
    perMillionGoodTokens: perMillionTokens(price, metrics.goodput?.tokensPerSecond),
  };
}
