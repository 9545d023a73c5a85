import type { AbComparison } from "../schema/ab.ts";
import type { Metrics } from "../schema/metrics.ts";

/** Something of a block that is compared: one number of its metrics. */
export interface Quantity
  extends Pick<AbComparison, "metric" | "title" | "unit" | "lowerIsBetter" | "scale"> {
  /** Null where the block has none; a ratio needs one above 0. */
  readonly of: (metrics: Metrics) => number | null;
}

type LatencyName = "ttftMs" | "userTtftMs" | "tpotMs" | "e2eMs" | "userE2eMs" | "interChunkMs";

function latency(name: LatencyName, statistic: "mean" | "p99", title: string): Quantity {
  return {
    metric: `${name}.${statistic}`,
    title,
    unit: "ms",
    lowerIsBetter: true,
    scale: "ratio",
    of: (metrics) => metrics[name]?.[statistic] ?? null,
  };
}

function rate(
  metric: "outputTokensPerSecond" | "outputTokensPerSecondFullRun" | "requestsPerSecond",
  title: string,
): Quantity {
  return {
    metric,
    title,
    unit: "1/s",
    lowerIsBetter: false,
    scale: "ratio",
    of: (metrics) => metrics[metric]?.value ?? null,
  };
}

/**
 * What is compared of a point, each with those that stand in for it where blocks lack it, best first. Few, since every
 * further comparison makes each of them harder to find.
 */
export function quantitiesOf(openLoop: boolean): readonly (readonly Quantity[])[] {
  const ttft = openLoop ? "userTtftMs" : "ttftMs";
  const e2e = openLoop ? "userE2eMs" : "e2eMs";
  const user = openLoop ? "user " : "";
  return [
    [latency(ttft, "mean", `${user}TTFT`)],
    [latency("tpotMs", "mean", "TPOT")],
    [latency(e2e, "mean", `${user}E2E latency`)],
    [
      rate("outputTokensPerSecond", "output tokens/s"),
      rate("outputTokensPerSecondFullRun", "output tokens/s, full run"),
      rate("requestsPerSecond", "requests/s"),
    ],
  ];
}

/** Compared as well where every block has them: tails need many requests, goodput needs SLOs. */
export function furtherQuantities(openLoop: boolean): readonly Quantity[] {
  const user = openLoop ? "user " : "";
  return [
    latency(openLoop ? "userTtftMs" : "ttftMs", "p99", `${user}TTFT p99`),
    latency("interChunkMs", "p99", "inter-chunk latency p99"),
    {
      metric: "goodput.share",
      title: "goodput's share",
      unit: "share",
      lowerIsBetter: false,
      scale: "share",
      of: (metrics) => metrics.goodput?.share ?? null,
    },
  ];
}
