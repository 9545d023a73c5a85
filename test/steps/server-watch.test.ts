import { afterEach, describe, expect, it, vi } from "vitest";
import { engineSpec, metricsNamed } from "../../src/engines/index.ts";
import type { DialectName } from "../../src/engines/spec.ts";
import { startClock } from "../../src/load/clock.ts";
import type { RequestRecord } from "../../src/load/record.ts";
import { tabulateRequests } from "../../src/results/request-table.ts";
import { ServerSeries } from "../../src/results/schema/server-series.ts";
import { summariseServer } from "../../src/results/server-load.ts";
import { type RunningSimulator, startSimulator } from "../../src/simulator/server.ts";
import { createAgent, createGet } from "../../src/steps/http-get.ts";
import { ServerWatch, type WatchOptions } from "../../src/steps/server-watch.ts";
import { runAgainst } from "../load/simulated-run.ts";

const simulators: RunningSimulator[] = [];
afterEach(async () => {
  for (const simulator of simulators.splice(0)) await simulator.close();
});

/** Slow enough that samples see it at work: about 150 ms a request. */
const profile = {
  loadMs: 0,
  prefillMs: 20,
  prefillMsPerToken: 0,
  decodeMs: 8,
  decodeMsPerSequence: 0,
  maxBatch: 2,
  jitter: 0,
};

async function simulate(dialect: Parameters<typeof startSimulator>[0]["dialect"]): Promise<string> {
  const simulator = await startSimulator({ dialect, profile });
  simulators.push(simulator);
  return simulator.url;
}

async function watchOf(url: string, dialect: DialectName, more: Partial<WatchOptions> = {}) {
  const agent = createAgent(url);
  const watch = new ServerWatch({
    clock: startClock(),
    everyMs: 10,
    metrics: metricsNamed(dialect) ?? engineSpec("vllm").metrics,
    simulated: true,
    get: createGet({ url, agent }),
    usage: { unread: "nobody looks", close: () => {} },
    mask: (text) => text,
    ...more,
  });
  return { watch, close: () => agent.destroy() };
}

const seenIn = (records: readonly RequestRecord[]) => ({
  prompt: records.reduce((sum, { tokens }) => sum + (tokens.prompt ?? 0), 0),
  output: records.reduce((sum, { tokens }) => sum + (tokens.output ?? 0), 0),
  unknown: records.filter(({ error, tokens }) => error !== undefined || tokens.prompt === undefined).length,
});

describe("A server that is watched while it is measured", () => {
  it.each([
    ["vllm-0.6.4", {}],
    ["vllm", {}],
    ["sglang-0.4.7", {}],
    ["sglang", {}],
    ["tgi-2.4.1", { noCache: true }],
    ["tgi", { noCache: true }],
    ["nim-1.8", {}],
    ["llamacpp", { noCache: true }],
  ] as const)(
    "speaks %s: its samples show the load, and its tokens are those of its usage",
    async (dialect, has) => {
      const url = await simulate(dialect);
      const { watch, close } = await watchOf(url, dialect);
      await watch.start();
      const load = { arrival: "closed", concurrency: 4, outputTokens: 16, requests: 12 } as const;
      const { records } = await runAgainst(url, load, "completions");
      const series = ServerSeries.parse(await watch.stop(seenIn(records)));
      close();
      expect(records.filter(({ error }) => error !== undefined)).toEqual([]);
      const server = summariseServer(series, await tabulateRequests(() => shifted(records, series), false));
      expect(server.notCompared).toBeUndefined();
      expect(server.promptTokens?.counted).toBe(server.promptTokens?.usage);
      expect(server.outputTokens).toMatchObject({ counted: 192, usage: 192 });
      // Four in flight, of which two fit; for a moment one may have ended and the next not begun.
      expect(server.requestsRunning?.max).toBe(2);
      expect([2, 3]).toContain(server.requestsWaiting?.max);
      expect(server.cacheUsageShare === undefined).toBe("noCache" in has);
      expect(series.samples.length).toBeGreaterThan(3);
      expect(series.samples.every(({ sentUs, receivedUs }) => sentUs <= receivedUs)).toBe(true);
    },
  );

  it("is missed where it shows no metrics, and the reason is kept", async () => {
    const url = await simulate("transformers-serve");
    const { watch, close } = await watchOf(url, "vllm");
    await watch.start();
    const series = await watch.stop({ prompt: 0, output: 0, unknown: 0 });
    close();
    expect(series.samples).toEqual([]);
    expect(series.missed).toMatchObject({ why: "HTTP 404 from /metrics" });
  });

  it("is missed where the page is another engine's", async () => {
    const url = await simulate("sglang");
    const { watch, close } = await watchOf(url, "vllm");
    await watch.start();
    const series = await watch.stop({ prompt: 0, output: 0, unknown: 0 });
    close();
    expect(series.missed?.why).toBe("/metrics has none of the engine's metrics");
  });

  it("is waited for a moment where it counts an answer after it was sent", async () => {
    let counted = 0;
    const page = () => `vllm:generation_tokens_total{} ${counted++ < 3 ? 0 : 8}.0\n`;
    const { watch, close } = await watchOf("http://127.0.0.1:9", "vllm", {
      everyMs: 60_000,
      get: async () => ({ status: 200, headers: {}, text: page() }),
    });
    await watch.start();
    const { samples } = await watch.stop({ prompt: 0, output: 8, unknown: 0 });
    close();
    expect(samples.map((sample) => sample.generationTokensTotal)).toEqual([0, 8]);
  });

  it("keeps no more samples than a plot can use, evenly over any length", async () => {
    let asked = 0;
    const { watch, close } = await watchOf("http://127.0.0.1:9", "vllm", {
      everyMs: 0.01,
      get: async () => ({ status: 200, headers: {}, text: `vllm:num_requests_running{} ${asked++}\n` }),
    });
    await watch.start();
    await vi.waitFor(() => expect(asked).toBeGreaterThan(2100), { timeout: 20_000 });
    const { samples, everyMs } = await watch.stop({ prompt: 0, output: 0, unknown: 0 });
    close();
    expect(samples.length).toBeLessThan(1500);
    expect(everyMs).toBe(0.02);
    expect(samples.slice(0, 3).map((sample) => sample.requestsRunning)).toEqual([0, 2, 4]);
    expect(samples.at(-1)?.requestsRunning).toBe(asked - 1);
  });
});

/** Both clocks are of this process: records of theirs, put on the watch's. */
function* shifted(records: readonly RequestRecord[], { samples }: ServerSeries): Generator<RequestRecord> {
  const first = Math.min(...records.map(({ sentUs = Number.POSITIVE_INFINITY }) => sentUs));
  const last = Math.max(...records.map(({ endUs }) => endUs));
  const from = (samples[0]?.receivedUs ?? 0) + 1;
  const to = (samples.at(-1)?.sentUs ?? 0) - 1;
  expect(last - first).toBeLessThanOrEqual(to - from);
  for (const record of records)
    yield { ...record, sentUs: from + (record.sentUs ?? 0) - first, endUs: from + record.endUs - first };
}
