import { BLOCK_DEFAULTS, CAPACITY_DEFAULTS, PRECISION_DEFAULTS } from "./defaults.ts";
import { durationMs } from "./duration.ts";
import type { BlockConfig } from "./load-schema.ts";
import type { CapacitySearchPlan, PointPlan } from "./plan.ts";

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
  if (block.findCapacity !== undefined && block.findCapacity !== null) return points;
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

type Amount = Pick<PointLoad, "requests" | "durationSeconds" | "precision">;

/** A load that ends when its means are as precise, and its limits. */
export function untilPrecise(
  precision: number,
  maxRequests: number = PRECISION_DEFAULTS.maxRequests,
  maxTime: string = PRECISION_DEFAULTS.maxTime,
): Amount {
  return { requests: maxRequests, durationSeconds: durationMs(maxTime) / 1000, precision };
}

function amount(block: BlockConfig, concurrency = 1): Amount {
  if (block.precision !== undefined) return untilPrecise(block.precision, block.maxRequests, block.maxTime);
  if (block.duration !== undefined) return { durationSeconds: durationMs(block.duration) / 1_000 };
  const requests = block.requests ?? BLOCK_DEFAULTS.requests;
  if (typeof requests === "number") return { requests };
  return { requests: Math.max(requests.atLeast ?? 1, requests.perUser * concurrency) };
}

/** The searches of a block that asks for the capacity: one for each input and output length. None of other blocks. */
export function capacitySearches(block: BlockConfig, loadCache?: string): CapacitySearchPlan[] {
  const asked = block.findCapacity;
  if (asked === undefined || asked === null) return [];
  const inputs = block.inputTokens === undefined ? [undefined] : many(block.inputTokens);
  const outputs = many(block.outputTokens ?? CAPACITY_OUTPUT);
  const cache = block.cache ?? loadCache;
  return inputs.flatMap((inputTokens) =>
    outputs.map((outputTokens) =>
      capacitySearch(block.name, asked, {
        maxConcurrency: block.maxConcurrency ?? BLOCK_DEFAULTS.maxConcurrency,
        ...(inputTokens !== undefined && { inputTokens }),
        outputTokens,
        ...(cache !== undefined && { cache }),
      }),
    ),
  );
}

/** A block that says no output length is searched at one: each takes thousands of requests. */
const CAPACITY_OUTPUT = 128;

/** One search with every default filled in. */
export function capacitySearch(
  block: string,
  asked: NonNullable<BlockConfig["findCapacity"]>,
  load: CapacitySearchPlan["load"],
): CapacitySearchPlan {
  const { maxTime, forLoad } = asked;
  const lengths = [
    `out${load.outputTokens}`,
    ...(load.inputTokens === undefined ? [] : [`in${load.inputTokens}`]),
  ];
  return {
    id: [block, ...lengths].join("-"),
    block,
    by: asked.by ?? CAPACITY_DEFAULTS.by,
    target: asked.target ?? CAPACITY_DEFAULTS.target,
    precision: asked.precision ?? CAPACITY_DEFAULTS.precision,
    maxRequests: asked.maxRequests ?? CAPACITY_DEFAULTS.maxRequests,
    ...(maxTime !== undefined && { maxSeconds: durationMs(maxTime) / 1000 }),
    upTo: asked.upTo ?? CAPACITY_DEFAULTS.upTo,
    ...(forLoad !== undefined && { forLoad }),
    load,
  };
}

/** One value or a list, as a list. */
export function many<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
