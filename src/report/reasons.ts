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
      "E2E latency is of another length than named. Force the output length where the engine can (ignore_eos).",
  },
  "cache-contract": {
    title: "How much of the prompt came from a cache",
    advice:
      "TTFT depends on it: compare it only between equal shares, or set the engines' prefix caches alike and measure again.",
  },
  "client-cpu": {
    title: "The client was short of CPU",
    advice:
      "Latencies include the client's own delay. Close other programs, or move the client to a machine of its own.",
  },
  "instance-changed": {
    title: "The server restarted in the middle of the measurement",
    advice: "The measurement is void. Read the server's log for the reason and run again with --resume.",
  },
  "shared-node": {
    title: "Another benchmark server shared the machine",
    advice: "Run one server a machine, or one after another, and measure again.",
  },
  neighbour: {
    title: "Other programs used the machine meanwhile",
    advice: "Stop them or choose a quiet time, and measure again.",
  },
  "few-samples": {
    title: "Few samples",
    advice:
      "Means stand without an interval and percentiles are left out. Raise requests or repetitions to get them.",
  },
  "no-usage": {
    title: "The server did not count its tokens",
    advice: "TPOT and tokens per second need usage in the answers. Turn it on in the engine if it has it.",
  },
  "first-chunk-tokens-unknown": {
    title: "Tokens in the first chunk are unknown",
    advice:
      "TPOT counts one token for the first chunk. If it held more, TPOT reads low: the same time is divided by more tokens than came in it.",
  },
  interrupted: {
    title: "The measurement was interrupted",
    advice: "Finish the run with `llmbench run --resume`; what was measured is kept.",
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
