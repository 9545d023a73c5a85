import type { CapacitySearchPlan, CellPlan } from "../../config/plan.ts";
import type { RunFolder } from "../run-folder.ts";
import type { CapacityResult } from "../schema/capacity.ts";
import { LEVEL } from "../statistics.ts";
import { perMillionTokens } from "./cost.ts";
import type { SearchResult } from "./probe.ts";
import { replaySearch, type StoredProbe } from "./probe-points.ts";

/** What a cell's searches found: each is gone through again over the measurements on the server as last deployed. */
export async function assembleCapacity(
  run: RunFolder,
  cell: CellPlan,
  specHash: string | undefined,
): Promise<CapacityResult[]> {
  const results: CapacityResult[] = [];
  for (const search of cell.capacitySearches ?? []) {
    const { result, probes } = await replaySearch(
      search,
      run.record.plan.slos ?? {},
      async ({ point, repetition }) => {
        const stored = await run.readSummary(cell.id, point.id, repetition);
        if (!stored.found) return undefined;
        return specHash === undefined || stored.value.specHash === specHash ? stored.value : undefined;
      },
    );
    results.push(capacityOf(search, cell, result, probes));
  }
  return results;
}

function capacityOf(
  search: CapacitySearchPlan,
  cell: CellPlan,
  result: SearchResult,
  stored: readonly StoredProbe[],
): CapacityResult {
  const capacity = headlineOf(search, result);
  const requestsPerSecond = capacity === null ? null : rateAt(search, capacity, stored);
  const tokens = mean(stored.flatMap(({ summary }) => summary.metrics.tokens.outputMean ?? []));
  const outputTokensPerSecond =
    requestsPerSecond === null || tokens === null ? null : requestsPerSecond * tokens;
  const { forLoad } = search;
  return {
    id: search.id,
    block: search.block,
    by: search.by,
    target: search.target,
    status: result.status,
    ended: result.ended,
    capacity,
    estimate: result.estimate,
    interval: result.interval,
    level: LEVEL,
    curve: result.curve,
    requestsPerSecond,
    outputTokensPerSecond,
    ...(cell.price === undefined || capacity === null
      ? {}
      : {
          cost: {
            currency: cell.price.currency,
            perMillionOutputTokens: perMillionTokens(cell.price, outputTokensPerSecond),
            perMillionGoodTokens: perMillionTokens(
              cell.price,
              outputTokensPerSecond === null ? null : outputTokensPerSecond * search.target,
            ),
          },
        }),
    ...(forLoad === undefined ? {} : { forLoad }),
    ...(forLoad === undefined || capacity === null || capacity <= 0
      ? {}
      : { replicas: Math.ceil(forLoad / capacity) }),
    requests: result.probes.reduce((sum, { requests }) => sum + requests, 0),
    seconds: result.probes.reduce((sum, { seconds }) => sum + seconds, 0),
    probes: result.probes.map((probe, i) => ({
      point: (stored[i] as StoredProbe).point.id,
      repetition: (stored[i] as StoredProbe).repetition,
      phase: probe.phase,
      load: probe.load,
      requests: probe.requests,
      good: probe.good,
      judged: probe.all,
      clientFailed: probe.clientFailed,
    })),
  };
}

/** Of an interval its lower end, of streams the whole ones; a bound as it is. Nobody can serve on what is not met. */
function headlineOf(search: CapacitySearchPlan, { status, estimate, interval }: SearchResult): number | null {
  if (status === "at-least") return estimate;
  if (status !== "found" || interval === null) return null;
  return search.by === "rate" ? interval[0] : Math.floor(interval[0]);
}

/** In a closed loop by the answers that each stream had a second in the probes nearest to the capacity. */
function rateAt(search: CapacitySearchPlan, capacity: number, stored: readonly StoredProbe[]): number | null {
  if (search.by === "rate") return capacity;
  const nearest = stored
    .flatMap(({ point, summary }) => {
      const rate = summary.metrics.requestsPerSecond?.value;
      const streams = point.load.concurrency ?? 1;
      return rate === undefined
        ? []
        : [{ away: Math.abs(Math.log(streams / capacity)), each: rate / streams }];
    })
    .sort((a, b) => a.away - b.away)
    .slice(0, 5);
  const each = mean(nearest.map((probe) => probe.each));
  return each === null ? null : each * capacity;
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
