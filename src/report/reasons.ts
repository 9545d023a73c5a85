import type { ReasonCode } from "../results/schema/verdict.ts";

export interface ReasonWords {
  readonly title: string;
  readonly advice: string;
}

/** Each reason code in words: what it means and what to do. */
export const REASONS: Readonly<Record<ReasonCode, ReasonWords>> = {
  "schedule-lag": {
    title: "Requests left later than scheduled",
    advice:
      "The client could not keep up. Give it a core of its own, lower the load, or run it on another machine.",
  },
  "rate-not-held": {
    title: "The client sent fewer requests than the load asks for",
    advice:
      "The figures are those of a lighter load than the one named. Give the client a core of its own or lower the load.",
  },
  "server-saturated": {
    title: "The server could not take the offered rate",
    advice:
      "The cap on concurrency held requests back. Read this point as saturation, or measure a lower rate.",
  },
  "failed-requests": {
    title: "Requests failed",
    advice:
      "See the errors in requests.ndjson.gz and the server's log; lower the load or raise the engine's limits.",
  },
  "output-length": {
    title: "Answers were not as long as asked",
    advice:
      "E2E latency is that of answers of another length than the point names; compare TPOT. The finish reasons in results.json say how they ended: a context that is too short cuts them, and some engines cannot be made to go on.",
  },
  "cache-contract": {
    title: "How much of the prompt came from a cache",
    advice:
      "TTFT depends on it. Compare TTFT only where the shares are alike, or set prefixCache alike in the settings of all variants.",
  },
  "token-conservation": {
    title: "The server's counters and its usage disagree",
    advice:
      "One of the two counts of tokens is wrong, and rates in tokens with it. See server-metrics.json and the records of the measurement.",
  },
  "other-clients": {
    title: "Others used the server meanwhile",
    advice: "The figures are those of a heavier load than the one named. Measure when nobody else asks it.",
  },
  "client-too-slow": {
    title: "The client's own error is large beside the latency",
    advice:
      "The figure says as much of the client as of the server. Give the client a core of its own, lower the load, or run it on another machine.",
  },
  "client-cpu": {
    title: "The load generator was short of CPU",
    advice:
      "Latencies may hold its own delay. Lower the load, give it more `workers` where cores are free, or run it on a faster machine.",
  },
  "instance-changed": {
    title: "The server restarted in the middle of the measurement",
    advice:
      "The measurement does not count. The server's log has the reason; `llmbench run --resume` (on a cluster: `argo retry`) measures again.",
  },
  "shared-node": {
    title: "Another benchmark server shared the machine",
    advice: "They compete for the same hardware. Run one benchmark at a time, and measure again.",
  },
  neighbour: {
    title: "Other programs used the machine meanwhile",
    advice: "Stop them or choose a quiet time, and measure again.",
  },
  "neighbours-unknown": {
    title: "Who else used the server's node is not known",
    advice:
      "Set cluster.lookBeyondNamespace and apply access.yaml again, or make sure that nobody else uses the node.",
  },
  "warm-up-not-over": {
    title: "The warm-up was not over",
    advice:
      "The mean holds requests of a server that was not warm yet. Raise the number of warm-up requests (warmup, --warmup) by as many, and measure again.",
  },
  drift: {
    title: "Latencies drifted while they were measured",
    advice:
      "There is no one value that the mean would come closer to. See the server's side for a queue or a cache that fills, a machine that grows hot or other programs; at a rate the server may not keep up with, measure a lower one.",
  },
  "few-samples": {
    title: "Few samples",
    advice:
      "Percentiles, and intervals of means, are left out where the sample cannot carry them. Ask for more requests or repetitions to have them.",
  },
  "precision-reached": {
    title: "Measured until the means were as precise as asked",
    advice: "How many requests that took is in the table; nothing to do.",
  },
  "precision-not-reached": {
    title: "The means are less precise than asked",
    advice:
      "It ended at a limit before. Raise maxRequests or maxTime (--max-requests, --max-time), or ask for less.",
  },
  "no-usage": {
    title: "The server did not count its tokens",
    advice:
      "TPOT and tokens per second come from the usage in its answers. Turn usage on in the server if it has it.",
  },
  "first-chunk-tokens-unknown": {
    title: "Tokens in the first chunk are unknown",
    advice:
      "TPOT counts one token for the first chunk. If it held more, TPOT reads low: the same time is divided by more tokens than came in it.",
  },
  interrupted: {
    title: "The measurement was interrupted",
    advice:
      "`llmbench run --resume` (on a cluster: `argo retry`) makes it again and goes on from there; what is finished is kept.",
  },
  "several-instances": {
    title: "The point was measured on several server instances",
    advice: "Its spread includes the differences between deployments, as it should; nothing to do.",
  },
  simulated: {
    title: "Simulated engine",
    advice: "The figures come from a latency model. Use them to try the tool, never to judge an engine.",
  },
  "client-beside-server": {
    title: "Client and server shared one machine",
    advice:
      "They compete for cores and memory. Fine for a comparison here; not the figure of a server of its own.",
  },
};
