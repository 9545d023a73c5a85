import { BLOCK_DEFAULTS } from "./defaults.ts";
import { durationMs } from "./duration.ts";
import type { BlockConfig } from "./load-schema.ts";
import type { PointPlan } from "./plan.ts";

type PointLoad = PointPlan["load"];

/**
 * Id of a point: what distinguishes it within its block, as a file name. `batching-c4-out64`,
 * `r2-poisson-out128-in512` without a block.
 */
export function pointId(load: PointLoad, block = ""): string {
  const parts = [
    block,
    load.arrival === "closed" ? `c${load.concurrency}` : `r${load.ratePerSecond}-${load.arrival}`,
    `out${load.outputTokens}`,
    load.inputTokens === undefined ? "" : `in${load.inputTokens}`,
  ];
  return parts.filter((part) => part !== "").join("-");
}

/** The points of a block: its concurrencies or rates × input lengths × output lengths, the last changing fastest. */
export function expandBlock(block: BlockConfig, loadCache?: string): PointPlan[] {
  const points: PointPlan[] = [];
  const cache = block.cache ?? loadCache;
  for (const arrival of arrivals(block)) {
    for (const inputTokens of block.inputTokens === undefined ? [undefined] : many(block.inputTokens)) {
      for (const outputTokens of many(block.outputTokens ?? BLOCK_DEFAULTS.outputTokens)) {
        const load: PointLoad = {
          ...arrival,
          ...(inputTokens !== undefined && { inputTokens }),
          outputTokens,
          ...(cache !== undefined && { cache }),
          ...amount(block, arrival.concurrency),
        };
        points.push({
          id: pointId(load, block.name),
          block: block.name,
          load,
          ...(block.repetitions !== undefined && { repetitions: block.repetitions }),
        });
      }
    }
  }
  return points;
}

function arrivals(
  block: BlockConfig,
): Pick<PointLoad, "arrival" | "concurrency" | "ratePerSecond" | "maxConcurrency">[] {
  if (block.rate === undefined)
    return many(block.concurrency ?? BLOCK_DEFAULTS.concurrency).map((concurrency) => ({
      arrival: "closed",
      concurrency,
    }));
  return many(block.rate).map((ratePerSecond) => ({
    arrival: block.arrival ?? BLOCK_DEFAULTS.arrival,
    ratePerSecond,
    maxConcurrency: block.maxConcurrency ?? BLOCK_DEFAULTS.maxConcurrency,
  }));
}

function amount(block: BlockConfig, concurrency = 1): Pick<PointLoad, "requests" | "durationSeconds"> {
  if (block.duration !== undefined) return { durationSeconds: durationMs(block.duration) / 1_000 };
  const requests = block.requests ?? BLOCK_DEFAULTS.requests;
  if (typeof requests === "number") return { requests };
  return { requests: Math.max(requests.atLeast ?? 1, requests.perUser * concurrency) };
}

/** One value or a list, as a list. */
export function many<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
