import type { LatencySummary, Metrics } from "./schema/metrics.ts";
import type { Instrument, StoredLoad } from "./schema/summary.ts";
import type { Reason } from "./schema/verdict.ts";
import { crosses, ms, percent, THRESHOLDS } from "./thresholds.ts";

/** Bars below this raise no verdict: they are small beside what a user sees. */
const BAR_FLOOR_MS = 1;

/** Whether the client could carry the point: its own error beside the latencies that it measured. */
export function judgeClientError(load: StoredLoad, metrics: Metrics, replay: Instrument["replay"]): Reason[] {
  if (replay !== undefined && replay.unfinished > 0) {
    return [
      {
        code: "client-too-slow",
        status: "invalid",
        text: `The client could not carry this load: with a server that only wrote what had been recorded, ${replay.unfinished} answers were not read to their end in time.`,
        value: replay.unfinished,
        threshold: 0,
      },
    ];
  }
  const open = load.arrival !== "closed" && metrics.userTtftMs !== undefined;
  const found = [
    judgeBar(open ? "user TTFT" : "TTFT", (open ? metrics.userTtftMs : undefined) ?? metrics.ttftMs),
    judgeBar("inter-chunk latency", metrics.interChunkMs),
  ].flatMap((reason) => reason ?? []);
  const worst = found.find(({ status }) => status === "invalid") ?? found[0];
  return worst === undefined ? [] : [worst];
}

/** By the median, or by the mean where the sample carries no median. */
function judgeBar(name: string, latency: LatencySummary): Reason | undefined {
  const key = latency.p50 === null ? "mean" : "p50";
  const value = latency[key];
  const bar = latency.clientErrorMs?.[key];
  if (value === null || bar === undefined || bar <= BAR_FLOOR_MS) return undefined;
  const share = value > 0 ? bar / value : Number.MAX_VALUE;
  const crossed = crosses(share, THRESHOLDS.clientError);
  if (crossed === undefined) return undefined;
  const words = key === "p50" ? "median" : "mean";
  return {
    code: "client-too-slow",
    ...crossed,
    text: `The client read answers late: that alone may have moved the ${words} ${name} of ${ms(value)} by ${ms(bar)}, which is ${percent(share)} of it (limit ${percent(crossed.threshold)}).`,
    value: share,
  };
}
