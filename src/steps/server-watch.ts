import type { Get } from "../engines/detect.ts";
import { readServerMetrics, type ServerMetricValues } from "../engines/server-metrics.ts";
import type { EngineMetrics } from "../engines/spec.ts";
import type { Clock } from "../load/clock.ts";
import type { ServerSample, ServerSeries } from "../results/schema/server-series.ts";
import type { UsageLook } from "../servers/server.ts";

/** From so many samples on every other is dropped, and samples are taken half as often. */
const mostSamples = 2049;
/** After the last answer a server may take a moment to count it. */
const settleTries = 10;
const settleMs = 100;

export interface WatchOptions {
  readonly clock: Clock;
  readonly everyMs: number;
  readonly metrics: EngineMetrics;
  readonly simulated: boolean;
  /** Over connections of its own, apart from the load's. */
  readonly get: Get;
  readonly usage: UsageLook;
  readonly mask: (text: string) => string;
}

/** Tokens of the answers that ended, by the server's usage. */
export interface TokensSeen {
  prompt: number;
  output: number;
  /** Requests that ended without a count, so that the server's counters have more than is seen. */
  unknown: number;
}

/**
 * Looks at a server while it is measured, at even times of the measurement's clock. A page's numbers are taken out of it
 * at once, so that an hour takes no more memory than its samples.
 */
export class ServerWatch {
  readonly #options: WatchOptions;
  #everyMs: number;
  #samples: ServerSample[] = [];
  #missed: { count: number; why: string } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #stopped = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#everyMs = options.everyMs;
  }

  /** Takes the first sample, before any request, then one each period. */
  async start(): Promise<void> {
    await this.#look();
    this.#schedule();
  }

  /** Ends the watch with a sample that has all of `seen`, or the last of several tries. */
  async stop(seen: TokensSeen): Promise<ServerSeries> {
    this.cancel();
    await this.#looking;
    for (let tries = 0; tries < settleTries; tries++) {
      if (tries > 0) await new Promise((resolve) => setTimeout(resolve, settleMs));
      const before = this.#samples.length;
      await this.#look();
      if (this.#samples.length <= before || this.#hasCounted(seen)) break;
      // Each of these says what the one before did, and the last says it best.
      if (tries < settleTries - 1) this.#samples.pop();
    }
    const { clock, metrics, simulated, usage, mask } = this.#options;
    return {
      schemaVersion: 1,
      simulated,
      clock: { epochMs: clock.epochMs, hrtimeNs: clock.hrtimeNs },
      path: metrics.path,
      everyMs: this.#everyMs,
      names: Object.fromEntries(Object.entries(metrics.names).map(([ours, theirs]) => [ours, [...theirs]])),
      promptTokens: metrics.promptTokens ?? "all",
      ...(metrics.counterDigits === undefined ? {} : { counterDigits: metrics.counterDigits }),
      samples: this.#samples,
      ...(this.#missed === undefined ? {} : { missed: this.#missed }),
      ...(usage.unread === undefined ? {} : { usageUnread: mask(usage.unread) }),
    };
  }

  /** Takes no more samples. */
  cancel(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#stopped) return;
    const nowMs = this.#options.clock.nowUs() / 1000;
    const dueMs = (Math.floor(nowMs / this.#everyMs) + 1) * this.#everyMs;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().then(() => this.#schedule());
    }, dueMs - nowMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const { clock, usage: look } = this.#options;
    const sentUs = Math.round(clock.nowUs());
    const [values, usage] = await Promise.all([this.#readPage(), look.read?.()]);
    const receivedUs = Math.round(clock.nowUs());
    if (values !== undefined || usage !== undefined) this.#keep({ sentUs, receivedUs, ...values, ...usage });
  }

  async #readPage(): Promise<ServerMetricValues | undefined> {
    const { get, metrics, mask } = this.#options;
    if (Object.keys(metrics.names).length === 0) return undefined;
    try {
      const { status, text } = await get(metrics.path);
      if (status !== 200) throw new Error(`HTTP ${status} from ${metrics.path}`);
      const values = readServerMetrics(text, metrics);
      if (Object.keys(values).length > 0) return values;
      throw new Error(`${metrics.path} has none of the engine's metrics`);
    } catch (error) {
      const why = mask(error instanceof Error ? error.message : String(error));
      this.#missed = { count: (this.#missed?.count ?? 0) + 1, why };
      return undefined;
    }
  }

  #keep(sample: ServerSample): void {
    this.#samples.push(sample);
    if (this.#samples.length < mostSamples) return;
    this.#samples = this.#samples.filter((_, i) => i % 2 === 0);
    this.#everyMs *= 2;
  }

  #hasCounted({ prompt, output, unknown }: TokensSeen): boolean {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || unknown > 0) return true;
    const counted = (name: "promptTokensTotal" | "generationTokensTotal" | "prefixCacheHitsTotal") =>
      (last[name] ?? 0) - (first[name] ?? 0);
    const computed = this.#options.metrics.promptTokens === "computed";
    const cached = computed ? counted("prefixCacheHitsTotal") : 0;
    const saysPrompts =
      last.promptTokensTotal !== undefined && !(computed && last.prefixCacheHitsTotal === undefined);
    return (
      (last.generationTokensTotal === undefined || counted("generationTokensTotal") >= output) &&
      (!saysPrompts || counted("promptTokensTotal") + cached >= prompt)
    );
  }
}
