import type { LatencySummary, Metrics } from "../../src/results/schema/metrics.ts";

/** Tokens of each answer of a block. */
const TOKENS = 64;

const latencyOf = (mean: number): LatencySummary => ({
  count: 20,
  effectiveCount: 20,
  mean,
  min: mean,
  max: mean,
  p50: mean,
  p90: null,
  p95: null,
  p99: null,
  intervals: {},
  level: 0.95,
  method: "given",
});

/** Metrics of a block of one stream whose answers all take as long as these means say. */
export function blockMetrics({
  ttftMs,
  tpotMs,
}: {
  readonly ttftMs: number;
  readonly tpotMs: number;
}): Metrics {
  const e2eMs = ttftMs + (TOKENS - 1) * tpotMs;
  const rate = { value: (1000 * TOKENS) / e2eMs, interval: null };
  return {
    ttftMs: latencyOf(ttftMs),
    tpotMs: latencyOf(tpotMs),
    interChunkMs: latencyOf(tpotMs),
    e2eMs: latencyOf(e2eMs),
    outputTokensPerSecond: rate,
    outputTokensPerSecondFullRun: rate,
    requestsPerSecond: { value: rate.value / TOKENS, interval: null },
    outputTokensPerSecondPerUser: rate.value,
    windowSeconds: 10,
    tokens: {
      promptMean: 12,
      outputMean: TOKENS,
      outputTotal: 20 * TOKENS,
      cachedMean: null,
      outputTarget: TOKENS,
    },
    finish: { length: 20 },
    chunkTotal: 20 * TOKENS,
    chunksPerRead: { "1": 20 * TOKENS },
    tokensPerChunkMean: 1,
  };
}
