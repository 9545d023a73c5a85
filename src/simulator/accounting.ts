import type { Tally } from "./dialects/dialect.ts";
import { LiveMetrics } from "./metrics.ts";

/** Counts what the engine does, as its /metrics page will show it. Times come as microseconds of the timeline. */
export class Accounting {
  readonly metrics = new LiveMetrics();

  promptRead(tokens: number, cached: number): void {
    this.metrics.promptTokens += tokens;
    this.metrics.cachedTokens += cached;
    this.metrics.promptLength.add(tokens);
  }

  sequenceStarted(tally: Tally): void {
    this.metrics.queue.add(seconds(tally.receivedUs, tally.startedUs));
  }

  /** A sequence's next token is due now; `tally` is as it was before. */
  tokenMade(tally: Tally, dueUs: number): void {
    const { metrics } = this;
    metrics.outputTokens++;
    if (tally.outputTokens > 0) {
      const gap = seconds(tally.lastTokenUs, dueUs);
      metrics.interToken.add(gap);
      metrics.decodeSeconds += gap;
      return;
    }
    metrics.ttft.add(seconds(tally.receivedUs, dueUs));
    metrics.prefill.add(seconds(tally.startedUs, dueUs));
    metrics.prefillSeconds += seconds(tally.startedUs, dueUs);
  }

  sequenceEnded(tally: Tally, byLength: boolean): void {
    const { metrics } = this;
    if (byLength) metrics.finishedByLength++;
    else metrics.finishedByStop++;
    metrics.e2e.add(seconds(tally.receivedUs, tally.lastTokenUs));
    const decode = seconds(tally.firstTokenUs, tally.lastTokenUs);
    metrics.decode.add(decode);
    metrics.outputLength.add(tally.outputTokens);
    metrics.endedPromptTokens += tally.promptTokens;
    metrics.endedCachedTokens += tally.cachedTokens;
    if (tally.outputTokens > 1) metrics.perOutputToken.add(decode / (tally.outputTokens - 1));
  }
}

function seconds(fromUs: number, toUs: number): number {
  return (toUs - fromUs) / 1e6;
}
