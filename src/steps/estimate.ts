import type { PointPlan } from "../config/plan.ts";
import type { WarmupRecord } from "../results/schema/warmup.ts";

/** What the warm-up says of one request alone, milliseconds. */
export interface RequestEstimate {
  readonly ttftMs: number;
  readonly tpotMs: number;
}

export function estimateRequest(
  warmup: Pick<WarmupRecord, "e2eMs" | "ttftMs" | "outputTokens">,
): RequestEstimate | undefined {
  const ttftMs = median(warmup.ttftMs);
  const e2eMs = median(warmup.e2eMs);
  const tokens = median(warmup.outputTokens);
  if (ttftMs === undefined || e2eMs === undefined) return undefined;
  return {
    ttftMs,
    tpotMs: tokens === undefined || tokens < 2 ? 0 : Math.max(0, e2eMs - ttftMs) / (tokens - 1),
  };
}

/** How long one request of a point takes when it is alone, milliseconds. */
export function expectedE2eMs(estimate: RequestEstimate, outputTokens: number): number {
  return estimate.ttftMs + estimate.tpotMs * Math.max(0, outputTokens - 1);
}

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

type Load = PointPlan["load"];

/** Seconds that the rest of a sweep takes: from rates seen so far at each load, else from the warm-up. */
export class TimeLeft {
  /** Output tokens a second, by concurrency (open loop: 0). */
  readonly #rates = new Map<number, number>();
  #latest: number | undefined;

  constructor(estimate: RequestEstimate | undefined) {
    if (estimate !== undefined && estimate.tpotMs > 0) this.#latest = 1000 / estimate.tpotMs;
  }

  saw(load: Load, outputTokensPerSecond: number): void {
    if (outputTokensPerSecond <= 0) return;
    this.#rates.set(load.concurrency ?? 0, outputTokensPerSecond);
    this.#latest = outputTokensPerSecond;
  }

  /** `doneShare`: how much of the first of `loads` is done, 0 to 1. Null while nothing is known. */
  seconds(loads: readonly Load[], doneShare: number): number | null {
    let total = 0;
    for (const [index, load] of loads.entries()) {
      const seconds = this.#secondsOf(load);
      if (seconds === null) return null;
      total += index === 0 ? seconds * (1 - doneShare) : seconds;
    }
    return total;
  }

  #secondsOf(load: Load): number | null {
    // It ends when it is precise; its limits say little.
    if (load.precision !== undefined) return null;
    if (load.durationSeconds !== undefined) return load.durationSeconds;
    const requests = load.requests ?? 0;
    if (load.ratePerSecond !== undefined) return requests / load.ratePerSecond;
    const rate = this.#rates.get(load.concurrency ?? 0) ?? this.#latest;
    return rate === undefined ? null : (requests * load.outputTokens) / rate;
  }
}
