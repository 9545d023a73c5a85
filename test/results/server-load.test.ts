import { describe, expect, it } from "vitest";
import { judgeServer } from "../../src/results/judge-server.ts";
import { computeMetrics } from "../../src/results/metrics.ts";
import { observe } from "../../src/results/observations.ts";
import { tabulateRequests } from "../../src/results/request-table.ts";
import { readSample } from "../../src/results/sample.ts";
import { ServerLoad } from "../../src/results/schema/server-load.ts";
import { type ServerSample, ServerSeries } from "../../src/results/schema/server-series.ts";
import { summariseServer } from "../../src/results/server-load.ts";
import { every, type RequestInWords, request } from "./records.ts";

/** Two requests from 1 s to 3 s: 10 tokens asked of each, 4 tokens out. */
const two: readonly RequestInWords[] = [
  { sent: 1000, reads: every(100, 1500, 4), tokens: { prompt: 10, output: 4 }, end: 2000 },
  { sent: 2000, reads: every(100, 2500, 4), tokens: { prompt: 10, output: 4 }, end: 3000 },
];

const tableOf = (words: readonly RequestInWords[] = two) =>
  tabulateRequests(() => words.map((one, i) => request(one, i)), false);

function series(
  samples: readonly (Partial<ServerSample> & { at: number })[],
  more: Partial<ServerSeries> = {},
) {
  return ServerSeries.parse({
    schemaVersion: 1,
    simulated: false,
    clock: { epochMs: 0, hrtimeNs: "0" },
    path: "/metrics",
    everyMs: 1000,
    names: {},
    promptTokens: "all",
    samples: samples.map(({ at, ...sample }) => ({
      sentUs: at * 1000,
      receivedUs: at * 1000 + 2000,
      ...sample,
    })),
    ...more,
  });
}

const around = (before: Partial<ServerSample>, after: Partial<ServerSample>, more?: Partial<ServerSeries>) =>
  series(
    [
      { at: 0, ...before },
      { at: 3100, ...after },
    ],
    more,
  );

const summarise = async (given: ServerSeries, words?: readonly RequestInWords[]): Promise<ServerLoad> => {
  const load = summariseServer(given, await tableOf(words));
  expect(ServerLoad.parse(load)).toEqual(load);
  return load;
};

describe("The server's side of a measurement", () => {
  it("has levels of the time in which requests were open, and what counters rose by", async () => {
    const load = await summarise(
      series([
        {
          at: 0,
          requestsRunning: 9,
          requestsWaiting: 9,
          cacheUsageShare: 0.9,
          preemptionsTotal: 5,
          cpuSeconds: 10,
        },
        { at: 1500, requestsRunning: 1, requestsWaiting: 0, cacheUsageShare: 0.1, cpuSeconds: 13 },
        {
          at: 2500,
          requestsRunning: 2,
          requestsWaiting: 4,
          cacheUsageShare: 0.3,
          memoryBytes: 5,
          cpuSeconds: 14,
        },
        {
          at: 3500,
          requestsRunning: 7,
          requestsWaiting: 7,
          cacheUsageShare: 0.7,
          preemptionsTotal: 7,
          cpuSeconds: 14,
        },
      ]),
    );
    expect(load).toMatchObject({
      samples: 4,
      everyMs: 1000,
      requestsRunning: { mean: 1.5, max: 2 },
      requestsWaiting: { mean: 2, max: 4 },
      preemptions: 2,
      memoryBytes: { mean: 5, max: 5 },
      // 3 s of CPU in the first 1.5 s, 4 s in all 3.5 s.
      cpuCores: { mean: 4 / 3.5, max: 2 },
    });
    expect(load.cacheUsageShare?.mean).toBeCloseTo(0.2);
    expect(load.series).toEqual({
      // The middle of asking and answer, since the first send.
      seconds: [0.501, 1.501],
      requestsRunning: [1, 2],
      requestsWaiting: [0, 4],
      cacheUsageShare: [0.1, 0.3],
      // A second of CPU time between the two; of the first no sample before it is shown.
      cpuCores: [null, 1],
      memoryBytes: [null, 5],
    });
  });

  it("keeps sixty samples of a long series, the first and the last among them", async () => {
    const long = Array.from({ length: 500 }, (_, i) => ({ at: 1000 + 4 * i, requestsRunning: i }));
    const { series: shown } = await summarise(series(long));
    expect(shown.seconds).toHaveLength(60);
    expect([shown.requestsRunning?.[0], shown.requestsRunning?.at(-1)]).toEqual([0, 499]);
  });

  it("says what it missed, and invents nothing where there is nothing", async () => {
    const missed = { count: 3, why: "HTTP 404 from /metrics" };
    const usageUnread = "cluster.readServerUsage is not set";
    expect(await summarise(series([], { missed, usageUnread }))).toEqual({
      samples: 0,
      everyMs: 1000,
      series: { seconds: [] },
      missed,
      usageUnread,
    });
  });
});

/** What is found of two answers, and of a server that is ours or not. */
async function findings(load: ServerLoad, ownServer: boolean, more: object = {}) {
  const records = two.map((one, i) => request(one, i));
  const sample = await readSample(
    () => records,
    { arrival: "closed", concurrency: 1, outputTokens: 4 },
    false,
  );
  const circumstances = {
    simulated: false,
    outputLength: "free",
    cache: "warm",
    ownServer,
    instanceChanged: false,
    interrupted: false,
    clientBesideServer: false,
    ...more,
  } as const;
  return judgeServer(computeMetrics([sample], undefined, 1), observe(sample), circumstances, load);
}

/** Of them, what concerns the counts of tokens. */
const judgeConservation = async (load: ServerLoad, ownServer: boolean) =>
  (await findings(load, ownServer)).filter(({ code }) => code !== "cache-contract");

describe("Tokens by the server's counters", () => {
  const counters = (prompt: number, output: number, hits?: number) => ({
    promptTokensTotal: prompt,
    generationTokensTotal: output,
    ...(hits === undefined ? {} : { prefixCacheHitsTotal: hits }),
  });

  it("that are those of its usage raise nothing", async () => {
    const load = await summarise(around(counters(100, 50), counters(120, 58)));
    expect(load).toMatchObject({
      promptTokens: { counted: 20, usage: 20 },
      outputTokens: { counted: 8, usage: 8 },
    });
    expect(await judgeConservation(load, true)).toEqual([]);
  });

  it("that are fewer or more make a server of ours suspect, with both numbers", async () => {
    const load = await summarise(around(counters(0, 0), counters(20, 6)));
    expect(await judgeConservation(load, true)).toEqual([
      expect.objectContaining({
        code: "token-conservation",
        status: "suspect",
        value: -0.25,
        text: "Tokens do not add up: 6 output tokens by the server's own counters and 8 by the usage of its answers (25 % fewer) (limit 0.2 %).",
      }),
    ]);
  });

  it("that are more tell of others where the server is not ours alone", async () => {
    const load = await summarise(around(counters(0, 0), counters(40, 16)));
    expect(await judgeConservation(load, false)).toEqual([
      expect.objectContaining({ code: "other-clients", status: "suspect", value: 1 }),
    ]);
    expect(await judgeConservation(load, true)).toMatchObject([{ code: "token-conservation" }]);
  });

  it("that leave out the cached are compared with them", async () => {
    const computed = { promptTokens: "computed" } as const;
    const load = await summarise(around(counters(0, 0, 3), counters(14, 8, 9), computed));
    expect(load).toMatchObject({ promptTokens: { counted: 20, usage: 20 }, cachedShare: 0.3 });
    expect(await judgeConservation(load, true)).toEqual([]);
    // Without a counter of the cached there is nothing to compare.
    const old = await summarise(around(counters(0, 0), counters(14, 8), computed));
    expect(old.promptTokens).toBeUndefined();
  });

  it("may be off by what the server's own rounding hides", async () => {
    const million = around(counters(0, 5_000_000), counters(20, 5_000_010), { counterDigits: 6 });
    const load = await summarise(million);
    expect(load.outputTokens).toEqual({ counted: 10, usage: 8, rounding: 10 });
    expect(await judgeConservation(load, true)).toEqual([]);
  });

  it("of prompts that preemptions read again are noted, no more", async () => {
    const load = await summarise(
      around({ ...counters(0, 0), preemptionsTotal: 0 }, { ...counters(30, 8), preemptionsTotal: 1 }),
    );
    expect(await judgeConservation(load, true)).toMatchObject([
      { code: "token-conservation", status: "note" },
    ]);
  });

  it.each<[string, ServerSeries, readonly RequestInWords[], string]>([
    [
      "a request failed",
      around(counters(0, 0), counters(99, 99)),
      [...two, { sent: 2500, error: "reset", tokens: {} }],
      "1 request did not end well",
    ],
    [
      "an answer has no usage",
      around(counters(0, 0), counters(99, 99)),
      [...two, { sent: 2500, reads: every(100, 2600, 4), tokens: { prompt: 3 }, end: 3000 }],
      "1 of 3 answers carry no usage",
    ],
    [
      "the last look came before the last answer",
      series([
        { at: 0, ...counters(0, 0) },
        { at: 2900, ...counters(9, 9) },
      ]),
      two,
      "not read both before",
    ],
    ["a counter went back", around(counters(9, 9), counters(2, 17)), two, "went back"],
  ])("are not held to its usage where %s", async (_, given, words, why) => {
    const load = await summarise(given, words);
    expect(load.notCompared).toContain(why);
    expect(await judgeConservation(load, true)).toEqual([]);
  });
});

describe("A cache contract", () => {
  /** Of prompts of 10 tokens, by the counters of the server's prefix cache. */
  const cached = async (
    share: number,
    cache: "cold" | "shared-prefix",
    expected: readonly [number, number],
  ) => {
    const counters = { promptTokensTotal: 0, generationTokensTotal: 0, prefixCacheQueriesTotal: 0 };
    const after = { promptTokensTotal: 20, generationTokensTotal: 8, prefixCacheQueriesTotal: 20 };
    const load = await summarise(
      around({ ...counters, prefixCacheHitsTotal: 0 }, { ...after, prefixCacheHitsTotal: 20 * share }),
    );
    return await findings(load, true, { cache, expectedCachedTokens: expected });
  };

  it.each([
    [0, "cold", [0, 1], []],
    [0.15, "cold", [0, 1], []],
    [0.2, "cold", [0, 1], ["suspect"]],
    [0.5, "shared-prefix", [4, 6], []],
    [0, "shared-prefix", [4, 6], ["suspect"]],
    [0.9, "shared-prefix", [4, 6], ["suspect"]],
  ] as const)(
    "finds a cached share of %s under %s as %j tokens allow it",
    async (share, cache, expected, status) => {
      const found = await cached(share, cache, expected);
      expect(found.map((reason) => reason.status)).toEqual(status);
    },
  );

  it("names who said it, and what was promised", async () => {
    expect(await cached(0.2, "cold", [0, 1])).toEqual([
      {
        code: "cache-contract",
        status: "suspect",
        text: "20 % of the prompt tokens came from the server's cache by the server's own counters, where the cache contract cold promises at most 15 %.",
        value: 0.2,
        threshold: 0.15000000000000002,
        curable: false,
      },
    ]);
  });

  it("is not known to be kept where nobody says what came from a cache", async () => {
    const silent = await summarise(around({ requestsRunning: 0 }, { requestsRunning: 0 }));
    const found = await findings(silent, true, { cache: "cold", expectedCachedTokens: [0, 1] });
    expect(found).toMatchObject([
      { code: "cache-contract", status: "note", text: expect.stringContaining("not known") },
    ]);
  });

  it("is not judged by counters that have others' requests in them", async () => {
    const load = await summarise(
      around(
        { promptTokensTotal: 0, generationTokensTotal: 0, prefixCacheHitsTotal: 0 },
        { promptTokensTotal: 40, generationTokensTotal: 16, prefixCacheHitsTotal: 40 },
      ),
    );
    const found = await findings(load, false, { cache: "cold", expectedCachedTokens: [0, 1] });
    expect(found.map(({ code, status }) => [code, status])).toEqual([
      ["other-clients", "suspect"],
      ["cache-contract", "note"],
    ]);
  });
});
