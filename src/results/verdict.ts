import type { FailOn } from "../config/plan.ts";
import { type Circumstances, judgeCircumstances } from "./circumstances.ts";
import { judgeClientError } from "./client-verdict.ts";
import { judgeServer } from "./judge-server.ts";
import { judgeSteadiness } from "./judge-steadiness.ts";
import type { Observations } from "./observations.ts";
import { judgeEnding } from "./precision.ts";
import type { Metrics } from "./schema/metrics.ts";
import type { ServerLoad } from "./schema/server-load.ts";
import type { Ending, MeasurementSummary, RequestCounts, StoredLoad } from "./schema/summary.ts";
import type { Reason, Verdict, VerdictStatus } from "./schema/verdict.ts";
import { MIN_SAMPLES } from "./statistics.ts";
import { crosses, ms, percent, THRESHOLDS } from "./thresholds.ts";
import { fewestForWindow } from "./window.ts";

/** Lag below this raises no verdict: against a TTFT of a few ms the clock's and the kernel's own share is larger. */
const LAG_FLOOR_MS = 1;

/** The verdict of one measurement. Of a part of one, cut short, nobody can say whether its load was held. */
export function judgeMeasurement(
  load: StoredLoad,
  requests: RequestCounts,
  metrics: Metrics,
  seen: Observations,
  circumstances: Circumstances,
  server?: ServerLoad,
  ending?: Ending,
): Verdict {
  return verdictFrom([
    ...(circumstances.interrupted ? [] : judgeClient(seen, load)),
    ...judgeClientError(load, metrics, circumstances.client?.replay),
    ...judgeRequests(requests, seen),
    ...judgeWork(load, seen, circumstances),
    ...judgeServer(metrics, seen, circumstances, server),
    ...judgeCircumstances(requests, circumstances),
    // What was cancelled at the end of a part is missing from its last requests.
    ...(circumstances.interrupted ? [] : judgeSteadiness(seen.unsteady)),
    ...judgeEnding(load, requests.ok, ending),
    ...noteSample(load, metrics),
  ]);
}

/** Sorts findings into reasons, which decide the status, and notes, which do not. */
export function verdictFrom(findings: readonly Reason[]): Verdict {
  const reasons = findings.filter((finding) => finding.status !== "note");
  return {
    status: worstStatus(reasons.map((reason) => reason.status as VerdictStatus)),
    reasons,
    notes: findings.filter((finding) => finding.status === "note"),
  };
}

export function worstStatus(statuses: readonly VerdictStatus[]): VerdictStatus {
  if (statuses.includes("invalid")) return "invalid";
  return statuses.includes("suspect") ? "suspect" : "valid";
}

/**
 * Whether a measurement need not be made again. One whose verdict is in `failOn` must, unless one of the reasons that
 * put it there is not curable: then another try would end the same. A part of a measurement, or one over two server
 * instances, always must.
 */
export function isFinished(summary: Pick<MeasurementSummary, "verdict">, failOn: FailOn): boolean {
  const { reasons } = summary.verdict;
  if (reasons.some((reason) => reason.code === "interrupted" || reason.code === "instance-changed"))
    return false;
  const failing = reasons.filter((reason) => fails(reason.status as VerdictStatus, failOn));
  return failing.length === 0 || failing.some((reason) => reason.curable === false);
}

/** Whether a verdict is one that `failOn` names or a worse one. */
export function fails(status: VerdictStatus, failOn: FailOn): boolean {
  if (failOn === "never") return false;
  return status === "invalid" || (failOn === "suspect" && status === "suspect");
}

function judgeClient(seen: Observations, load: StoredLoad): Reason[] {
  const reasons: Reason[] = [];
  // In a closed loop nothing is due: TTFT counts from the send, and time lost before it only lightens the load.
  if (load.arrival !== "closed") reasons.push(...judgeLag(seen));
  const client = crosses(seen.clientRateShortfall, THRESHOLDS.rate);
  const all = crosses(seen.rateShortfall, THRESHOLDS.rate);
  if (client !== undefined) {
    reasons.push({
      code: "rate-not-held",
      ...client,
      text:
        load.arrival === "closed"
          ? `Streams stood idle for ${percent(seen.clientRateShortfall)} of their time, between an answer's end and the next request, so the load was lighter than concurrency ${load.concurrency} (limit ${percent(client.threshold)}).`
          : `The client sent ${percent(seen.clientRateShortfall)} fewer requests a second than the rate asks for (limit ${percent(client.threshold)}).`,
      value: seen.clientRateShortfall,
    });
  } else if (all !== undefined) {
    reasons.push({
      code: "server-saturated",
      status: "suspect",
      text: `The server did not keep up: ${seen.heldBack} requests had to wait because ${load.maxConcurrency ?? 0}, the most allowed, were in flight. So ${percent(seen.rateShortfall)} fewer a second were sent than the rate asks for (limit ${percent(THRESHOLDS.rate[0])}).`,
      value: seen.rateShortfall,
      threshold: THRESHOLDS.rate[0],
      curable: false,
    });
  }
  return reasons;
}

/**
 * Lag beside the TTFT of its own rank: half of the requests against the median, the latest in a hundred against the p99.
 * A server that stood still lets go of many answers at once, and the requests due in that moment leave a few ms late:
 * beside the TTFT of those that the stall caught that is nothing.
 */
function judgeLag({ clientLagMs: lag, sendTtftMs: ttft }: Observations): Reason[] {
  if (lag === null || ttft === null) return [];
  const [worst] = (["p99", "p50"] as const)
    .filter((rank) => lag[rank] > LAG_FLOOR_MS)
    .map((rank) => ({ rank, share: ttft[rank] > 0 ? lag[rank] / ttft[rank] : Number.MAX_VALUE }))
    .sort((a, b) => b.share - a.share);
  const crossed = worst === undefined ? undefined : crosses(worst.share, THRESHOLDS.scheduleLag);
  if (worst === undefined || crossed === undefined) return [];
  const { rank, share } = worst;
  const [part, name] = rank === "p50" ? ["half", "median"] : ["1 %", "p99"];
  return [
    {
      code: "schedule-lag",
      ...crossed,
      text: `Requests left late: ${part} of them more than ${ms(lag[rank])} after their time, which is ${percent(share)} of the ${name} TTFT of ${ms(ttft[rank])} (limit ${percent(crossed.threshold)}).`,
      value: share,
    },
  ];
}

function judgeRequests(requests: RequestCounts, { commonFailure }: Observations): Reason[] {
  const failed = requests.failed + requests.timedOut;
  const ended = requests.ok + failed;
  const share = ended === 0 ? 0 : failed / ended;
  const crossed = crosses(share, THRESHOLDS.failed);
  if (crossed === undefined) return [];
  const timedOut = requests.timedOut === 0 ? "" : `; ${requests.timedOut} of them timed out`;
  const limit = crossed.threshold === 0 ? "None should." : `The limit is ${percent(crossed.threshold)}.`;
  const why = commonFailure === null ? "" : ` The most frequent error: ${shorten(commonFailure)}`;
  return [
    {
      code: "failed-requests",
      ...crossed,
      text: `${failed} of ${ended} requests failed (${percent(share)})${timedOut}. ${limit}${why}`,
      value: share,
    },
  ];
}

function judgeWork(load: StoredLoad, seen: Observations, circumstances: Circumstances): Reason[] {
  const reasons: Reason[] = [];
  const off = seen.outputOffTarget;
  if (off !== null && off > THRESHOLDS.outputLength && circumstances.outputLength !== "free") {
    const forced = circumstances.outputLength === "forced";
    reasons.push({
      code: "output-length",
      status: forced ? "suspect" : "note",
      text: `Answers were ${percent(off)} longer or shorter than the ${load.outputTokens} output tokens asked for, on average (limit ${percent(THRESHOLDS.outputLength)})${forced ? "" : ": this engine cannot be made to write an exact length"}.`,
      value: off,
      threshold: THRESHOLDS.outputLength,
      curable: false,
    });
  }
  if (seen.withoutUsage > 0) {
    const none = seen.withoutUsage === seen.answers;
    reasons.push({
      code: "no-usage",
      status: none ? "note" : "suspect",
      text: none
        ? "The server counted no tokens in any answer, so there is no throughput in tokens and no TPOT."
        : `The server counted no tokens in ${seen.withoutUsage} of ${seen.answers} answers, so throughput in tokens is understated.`,
      value: seen.withoutUsage,
      curable: false,
    });
  }
  if (seen.firstChunkAssumed > 0) {
    reasons.push({
      code: "first-chunk-tokens-unknown",
      status: "note",
      text: `In ${seen.firstChunkAssumed} of ${seen.answers} answers the server does not say how many tokens the first chunk held. TPOT counts one there, and reads low if there were more.`,
      value: seen.firstChunkAssumed,
    });
  }
  return reasons;
}

/** Says what the sample was too small for; changes no status. */
export function noteSample(load: StoredLoad, metrics: Metrics): Reason[] {
  const { count, effectiveCount } = metrics.ttftMs;
  const parts: string[] = [];
  if (effectiveCount < MIN_SAMPLES.p50) {
    const these = count === 1 ? "1 latency is" : `${count} latencies are`;
    parts.push(
      count >= MIN_SAMPLES.p50
        ? `${count} latencies that depend on each other count for ${effectiveCount.toFixed(1)} independent ones, too few for percentiles (the median needs ${MIN_SAMPLES.p50})`
        : `${these} too few for percentiles (the median needs ${MIN_SAMPLES.p50})`,
    );
  }
  if (metrics.windowSeconds === null) {
    parts.push(
      `there is no window at full load, which needs ${fewestForWindow(load)} requests, so latencies are of all requests and throughput is of the full run`,
    );
  }
  if (parts.length === 0) return [];
  return [
    {
      code: "few-samples",
      status: "note",
      text: `${capitalize(parts.join("; "))}.`,
      value: count,
      threshold: Math.max(MIN_SAMPLES.p50, metrics.windowSeconds === null ? fewestForWindow(load) : 0),
    },
  ];
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= 160 ? line : `${line.slice(0, 159)}…`;
}
