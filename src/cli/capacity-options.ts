import type { CellPlan } from "../config/plan.ts";
import { capacitySearch } from "../config/points.ts";
import { CACHE_PATTERN } from "../load/cache-contract.ts";
import type { BenchOptions } from "./bench-options.ts";
import { duration, list, number, share, usage, whole } from "./option-values.ts";

/** The searches of `bench --find-capacity`: one for each input and output length. */
export function searchesOf(
  options: BenchOptions,
  by: "rate" | "concurrency",
): Pick<CellPlan, "points" | "capacitySearches"> {
  if (options.slo === undefined)
    throw usage("--find-capacity needs SLOs to meet", "for example --slo ttft:500ms,tpot:40ms");
  for (const [option, value] of [
    ["--concurrency", options.concurrency],
    ["--rate", options.rate],
    ["--requests", options.requests],
    ["--duration", options.duration],
  ] as const)
    if (value !== undefined)
      throw usage(`--find-capacity chooses it itself: ${option} ${value}`, `leave ${option} out`);
  const inputs = options.inputTokens === undefined ? [] : list("--input-tokens", options.inputTokens);
  const cache = options.cache === undefined ? {} : { cache: cacheOf(options.cache, inputs) };
  const asked = {
    by,
    target: share("--slo-target", options.sloTarget, 0.5, 0.999),
    ...(options.precision === undefined
      ? {}
      : { precision: share("--precision", options.precision, 0.005, 1) }),
    ...(options.maxRequests === undefined
      ? {}
      : { maxRequests: whole("--max-requests", options.maxRequests, 500) }),
    ...(options.maxTime === undefined ? {} : { maxTime: options.maxTime }),
    ...(options.forRate === undefined ? {} : { forLoad: number("--for-rate", options.forRate) }),
  };
  if (options.maxTime !== undefined) duration("--max-time", options.maxTime);
  return {
    points: [],
    capacitySearches: list("--max-tokens", options.maxTokens).flatMap((outputTokens) =>
      (inputs.length === 0 ? [undefined] : inputs).map((inputTokens) =>
        capacitySearch("capacity", asked, {
          maxConcurrency: whole("--max-concurrency", options.maxConcurrency),
          outputTokens,
          ...(inputTokens === undefined ? {} : { inputTokens }),
          ...cache,
        }),
      ),
    ),
  };
}

/** A cache contract as an option has it. */
export function cacheOf(text: string, inputs: readonly number[]): string {
  if (!CACHE_PATTERN.test(text))
    throw usage(
      `--cache ${text}: not understood`,
      "warm, cold, or for example shared-prefix:512 (tokens) and shared-prefix:0.5 (a share)",
    );
  if (text.startsWith("shared-prefix") && inputs.length === 0)
    throw usage("--cache shared-prefix needs prompts of a known length", "give --input-tokens");
  return text;
}
