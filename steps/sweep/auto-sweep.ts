import type { CellPlan, PointPlan } from "../../src/config/plan.ts";
import { pointId } from "../../src/config/points.ts";
import type { MeasurementSummary } from "../../src/results/schema/summary.ts";
import { headlineRate } from "../../src/steps/headline.ts";

/** Throughput that grows by less than this is flat: more load only adds latency. */
const flatGrowth = 0.05;

type AutoSweep = NonNullable<CellPlan["autoSweep"]>;

/**
 * Looks for the knee of a server: concurrency 1, then doubling until output tokens a second (where the server counts
 * none: answers a second) grow by less than 5 %, a request fails, or the most is reached; once for each input and output length.
 */
export async function searchPoints(
  search: AutoSweep,
  measure: (point: PointPlan) => Promise<MeasurementSummary>,
): Promise<void> {
  const inputs = search.inputTokens.length === 0 ? [undefined] : search.inputTokens;
  for (const inputTokens of inputs) {
    for (const outputTokens of search.outputTokens) {
      let before = 0;
      for (let concurrency = 1; concurrency <= search.maxConcurrency; concurrency *= 2) {
        const summary = await measure(pointOf(search, concurrency, outputTokens, inputTokens));
        const { metrics, requests } = summary;
        // A server that counts no tokens is swept by its answers: all are asked for the same length.
        const rate = headlineRate(metrics) ?? metrics.requestsPerSecond?.value ?? 0;
        if (requests.failed + requests.timedOut > 0 || rate === 0 || rate < before * (1 + flatGrowth)) break;
        before = rate;
      }
    }
  }
}

function pointOf(
  search: AutoSweep,
  concurrency: number,
  outputTokens: number,
  inputTokens: number | undefined,
): PointPlan {
  const load: PointPlan["load"] = {
    arrival: "closed",
    concurrency,
    outputTokens,
    ...(inputTokens === undefined ? {} : { inputTokens }),
    ...(search.cache === undefined ? {} : { cache: search.cache }),
    ...amountOf(search, concurrency),
  };
  return { id: pointId(load), block: "", load };
}

function amountOf(
  { requests, durationSeconds, precision }: AutoSweep,
  concurrency: number,
): Pick<PointPlan["load"], "requests" | "durationSeconds" | "precision"> {
  const seconds = durationSeconds === undefined ? {} : { durationSeconds };
  if (precision !== undefined)
    return { ...(requests === undefined ? {} : { requests }), ...seconds, precision };
  return durationSeconds === undefined ? { requests: requests ?? Math.max(20, 10 * concurrency) } : seconds;
}
