/** How to read a report: each metric in brief. docs/metrics.md has the formulas. */
export interface Definition {
  readonly term: string;
  readonly text: string;
}

export const DEFINITIONS: readonly Definition[] = [
  {
    term: "TTFT, time to first token",
    text: "From the moment the request went to the socket until the first generated text arrived (an answer, reasoning or a tool call; a chunk that only names the role does not count).",
  },
  {
    term: "TPOT, time per output token",
    text: "From the first generated text to the last, divided by the output tokens after the first chunk, by the server's own count. Undefined, not zero, where nothing is left to divide by.",
  },
  {
    term: "E2E latency",
    text: "From the moment the request went to the socket until the last generated text arrived.",
  },
  {
    term: "User TTFT, user E2E",
    text: "The same ends, counted from the time at which the request was due. Where requests arrive at a rate these are the headline: a full server that lets requests wait cannot hide the wait.",
  },
  {
    term: "Throughput",
    text: "Output tokens that arrived in the window, divided by its length. The window is the time at full load: from the last stream's first request to the last send. Over the full run, first send to last end, it is lower and is named apart.",
  },
  {
    term: "Goodput",
    text: "The share of the window's requests that met every SLO. A failed request does not meet it.",
  },
  {
    term: "Interval, [a–b]",
    text: "Two-sided, 95 % unless said otherwise: were the measurement repeated, such ranges would hold the true value 95 times in 100. Where two overlap, no difference is shown.",
  },
  {
    term: "Lowest and highest, (a–b)",
    text: "Shown where there are too few samples for an interval. A percentile is printed only with enough samples to bound it: p50 from 11, p90 from 64, p95 from 130, p99 from 662.",
  },
  {
    term: "The client's own error, ±",
    text: "What the client itself may have added to a figure, either way: found by a replay of the load to a server that stamps what it writes, and by stamps that were read beside the load. It says nothing of the network, and is no interval: that one is about how few requests there were.",
  },
  {
    term: "Marks in the plots",
    text: "A wide pale bar is the interval of the value, a thin line runs from the lowest sample to the highest. A hollow mark is suspect. A point without a valid measurement is not drawn.",
  },
  {
    term: "Verdict",
    text: "valid: use it. suspect: read the reason first. invalid: do not use it; it is in no ranking, mean or plot.",
  },
];
