import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SloPlan } from "../../src/config/plan.ts";
import type { LoadSetting, RequestRecord } from "../../src/load/record.ts";
import { computeMetrics } from "../../src/results/metrics.ts";
import { readSample } from "../../src/results/sample.ts";
import { Metrics } from "../../src/results/schema/metrics.ts";
import { closed, every, open, type RequestInWords, randomFrom, request } from "./records.ts";

async function metricsOf(
  load: LoadSetting,
  measurements: readonly (readonly RequestInWords[])[],
  options: { slos?: SloPlan; endTokenCounted?: boolean } = {},
): Promise<Metrics> {
  const samples = [];
  for (const requests of measurements) {
    const records = requests.map(request);
    samples.push(await readSample(() => records, load, options.endTokenCounted ?? false));
  }
  return Metrics.parse(computeMetrics(samples, options.slos, 1));
}

/**
 * Two streams, answers of four tokens 10 ms apart, first token 100 ms after the send (the fifth request: 150 ms).
 *
 *   request  stream  sent   reads               end
 *   0 ramp   A          1   101 111 121 131     132
 *   1        B         61   161 171 181 191     192   the second stream's first: the window begins at 61
 *   2        A        133   233 243 253 263     264
 *   3        B        193   293 303 313 323     324
 *   4        A        265   415 425 435 445     446
 *   5        B        325   425 435 445 455     456   the last send: the window ends at 325
 */
const twoStreams: readonly RequestInWords[] = [
  { scheduled: 0, sent: 1, reads: every(10, 101, 4), ramp: true },
  { scheduled: 60, sent: 61, reads: every(10, 161, 4) },
  { scheduled: 132, sent: 133, reads: every(10, 233, 4) },
  { scheduled: 192, sent: 193, reads: every(10, 293, 4) },
  { scheduled: 264, sent: 265, reads: every(10, 415, 4) },
  { scheduled: 324, sent: 325, reads: every(10, 425, 4) },
];

describe("a closed loop, worked by hand", () => {
  it("has the latencies of the five requests sent in the window", async () => {
    const metrics = await metricsOf(closed(2), [twoStreams]);
    // TTFT 100 100 100 150 100; E2E 30 ms more; TPOT 30 / (4 − 1).
    expect(metrics.ttftMs).toMatchObject({ count: 5, mean: 110, min: 100, max: 150, p50: null });
    expect(metrics.e2eMs).toMatchObject({ count: 5, mean: 140, min: 130, max: 180 });
    expect(metrics.tpotMs).toMatchObject({ count: 5, mean: 10, min: 10, max: 10 });
    expect(metrics.interChunkMs).toMatchObject({ count: 15, mean: 10, min: 10, max: 10 });
    expect(metrics.userTtftMs).toBeUndefined();
  });

  it("has the throughput of the window and of the full run, named apart", async () => {
    const metrics = await metricsOf(closed(2), [twoStreams]);
    // In [61, 325): all of requests 0 to 3, 16 tokens in 264 ms; four answers ended there.
    expect(metrics.windowSeconds).toBeCloseTo(0.264, 9);
    expect(metrics.outputTokensPerSecond).toEqual({ value: expect.closeTo(16 / 0.264, 9), interval: null });
    expect(metrics.requestsPerSecond?.value).toBeCloseTo(4 / 0.264, 9);
    // All 24 tokens from the first send (1) to the last end (456).
    expect(metrics.outputTokensPerSecondFullRun).toEqual({
      value: expect.closeTo(24 / 0.455, 9),
      interval: null,
    });
    // One request alone: four times 4 / 0.130 s, once 4 / 0.180 s.
    expect(metrics.outputTokensPerSecondPerUser).toBeCloseTo((4 * (4 / 0.13) + 4 / 0.18) / 5, 9);
  });

  it("counts tokens, ends and chunks", async () => {
    const metrics = await metricsOf(closed(2), [twoStreams]);
    expect(metrics.tokens).toEqual({
      promptMean: 5,
      outputMean: 4,
      outputTarget: 4,
      outputTotal: 24,
      cachedMean: null,
    });
    expect(metrics.finish).toEqual({ length: 6 });
    // All six requests, the one before the window too; reads are those of the five that count.
    expect(metrics.chunkTotal).toBe(24);
    expect(metrics.chunksPerRead).toEqual({ "1": 20 });
    expect(metrics.tokensPerChunkMean).toBe(1);
  });

  it("has goodput of the window's requests: share of all five, rate of those sent before its end", async () => {
    const metrics = await metricsOf(closed(2), [twoStreams], { slos: { ttftMs: 120, e2eMs: 150 } });
    // Request 4 misses; of the good ones 1, 2, 3 were sent before 325 and 5 at 325.
    expect(metrics.goodput?.share).toBe(0.8);
    expect(metrics.goodput?.perSecond).toBeCloseTo(3 / 0.264, 9);
    expect(metrics.goodput?.interval?.[0]).toBeLessThan(0.8);
    expect((await metricsOf(closed(2), [twoStreams])).goodput).toBeUndefined();
  });

  it("pools measurements: all latencies, tokens over the sum of the windows", async () => {
    const slower = twoStreams.map((words) => ({
      ...words,
      scheduled: (words.scheduled ?? 0) * 2,
      sent: (words.sent ?? 0) * 2,
      reads: (words.reads ?? []).map((at) => (at as number) * 2),
      end: ((words.reads ?? []).at(-1) as number) * 2 + 2,
    }));
    const metrics = await metricsOf(closed(2), [twoStreams, slower]);
    expect(metrics.ttftMs).toMatchObject({ count: 10, mean: 165, min: 100, max: 300 });
    expect(metrics.windowSeconds).toBeCloseTo(0.264 + 0.528, 9);
    expect(metrics.outputTokensPerSecond?.value).toBeCloseTo(32 / 0.792, 9);
    expect(metrics.outputTokensPerSecondFullRun?.value).toBeCloseTo(48 / (0.455 + 0.91), 9);
    expect(metrics.tokens.outputTotal).toBe(48);
    expect(metrics.finish).toEqual({ length: 12 });
  });
});

describe("a measurement with too few requests for a window", () => {
  it("has latencies of all requests, the full run, and null for what needs a window", async () => {
    const metrics = await metricsOf(closed(2), [twoStreams.slice(0, 5)], { slos: { ttftMs: 120 } });
    expect(metrics.windowSeconds).toBeNull();
    expect(metrics.outputTokensPerSecond).toBeNull();
    expect(metrics.requestsPerSecond).toBeNull();
    expect(metrics.ttftMs).toMatchObject({ count: 5, mean: 110 });
    expect(metrics.outputTokensPerSecondFullRun?.value).toBeCloseTo(20 / 0.445, 9);
    expect(metrics.goodput).toMatchObject({ share: 0.8, perSecond: null });
  });
});

describe("TPOT", () => {
  const alone = (words: RequestInWords): readonly RequestInWords[][] => [[{ sent: 0, ...words }]];
  const tpot = async (words: RequestInWords, endTokenCounted = false): Promise<number | null> =>
    (await metricsOf(closed(1), alone(words), { endTokenCounted })).tpotMs.mean;

  it("takes off the tokens of the first chunk where the server says how many they were", async () => {
    // 90 ms for the 10 − 4 tokens after the first chunk.
    const words = { reads: [100, 150, 190], tokens: { output: 10, firstChunk: 4 } };
    expect(await tpot(words)).toBe(15);
    expect(await tpot({ ...words, tokens: { output: 10, perChunk: [4, 3, 3] } })).toBe(15);
  });

  it("takes the first chunk for one token where the server does not say, and reads low where it held more", async () => {
    // The same answer as above, whose TPOT is 15 ms.
    expect(await tpot({ reads: [100, 150, 190], tokens: { output: 10 } })).toBe(10);
  });

  it("takes off an end token without text only where the engine counts one and the answer stopped by itself", async () => {
    const words = { reads: [100, 150, 190], tokens: { output: 11, firstChunk: 1 } };
    expect(await tpot({ ...words, finish: "stop" }, true)).toBe(10);
    expect(await tpot({ ...words, finish: "length" }, true)).toBe(9);
    expect(await tpot({ ...words, finish: "stop" }, false)).toBe(9);
  });

  it("is undefined, not 0, where nothing is left", async () => {
    expect(await tpot({ reads: [100], tokens: { output: 1, firstChunk: 1 } })).toBeNull();
    expect(await tpot({ reads: [100, 100.5], tokens: { output: 3, firstChunk: 3 } })).toBeNull();
    expect(
      await tpot({ reads: [100, 150], tokens: { output: 2, firstChunk: 1 }, finish: "stop" }, true),
    ).toBeNull();
    expect(await tpot({ reads: [100, 150], tokens: {} })).toBeNull();
  });
});

describe("a usage chunk after the last text", () => {
  it("does not lengthen E2E", async () => {
    const metrics = await metricsOf(closed(1), [[{ sent: 0, reads: [100, 110], end: 5000 }]]);
    expect(metrics.e2eMs.max).toBe(110);
  });
});

describe("an answer without text", () => {
  it("ended well, but has no latency", async () => {
    const metrics = await metricsOf(closed(1), [
      [{ sent: 0, end: 20, tokens: { output: 0 }, finish: "stop" }],
    ]);
    expect(metrics.ttftMs).toMatchObject({ count: 0, mean: null });
    expect(metrics.e2eMs.count).toBe(0);
    expect(metrics.finish).toEqual({ stop: 1 });
  });
});

describe("tokens over chunks", () => {
  /** Five requests: the window is from 0 to 400 ms; only the last one's reads straddle its end. */
  const before = [0, 100, 200, 300].map((sent) => ({ sent, reads: [sent + 50], tokens: { output: 1 } }));
  const throughput = async (straddling: RequestInWords): Promise<number> =>
    ((
      await metricsOf(closed(1), [
        [...before, { sent: 400, reads: [401], tokens: { output: 0 } }, straddling],
      ])
    ).outputTokensPerSecond?.value ?? Number.NaN) *
      0.4 -
    4;

  it("go by the server's count of each chunk", async () => {
    // Chunks of 6, 1, 1 tokens; only the first read arrives before 400.
    const tokens = { output: 8, perChunk: [6, 1, 1] };
    expect(await throughput({ sent: 310, reads: [390, 410, 430], tokens })).toBeCloseTo(6, 9);
  });

  it("are scaled to the usage where the counts leave some out", async () => {
    // The chunks' counts add up to 8 of 9: an end token without text.
    const tokens = { output: 9, perChunk: [6, 1, 1] };
    expect(await throughput({ sent: 310, reads: [390, 410, 430], tokens })).toBeCloseTo((6 * 9) / 8, 9);
  });

  it("go evenly over chunks, not over reads, where the server does not count them", async () => {
    // Two chunks came in the first read, one in each other.
    const reads = [{ at: 390, chunks: 2 }, 410, 430];
    expect(await throughput({ sent: 310, reads, tokens: { output: 8 } })).toBeCloseTo(4, 9);
    // Counts that do not match the chunks are no counts.
    expect(await throughput({ sent: 310, reads, tokens: { output: 8, perChunk: [8] } })).toBeCloseTo(4, 9);
  });

  it("include those of a request that fails later, as far as the server counted them", async () => {
    const words: RequestInWords = { sent: 310, reads: [390, 395], error: "reset" };
    expect(await throughput({ ...words, tokens: { perChunk: [1, 1] } })).toBeCloseTo(2, 9);
    expect(await throughput({ ...words, tokens: {} })).toBeCloseTo(0, 9);
  });

  it("leave out what arrives at the very end of the window", async () => {
    expect(await throughput({ sent: 310, reads: [399.999, 400], tokens: { output: 2 } })).toBeCloseTo(1, 9);
  });
});

describe("inter-chunk latency and ITL", () => {
  const words = { sent: 0, reads: [10, { at: 20, chunks: 2 }, 35] };
  it("are gaps between reads, however many chunks came in one", async () => {
    const metrics = await metricsOf(closed(1), [[{ ...words, tokens: { output: 5 } }]]);
    expect(metrics.interChunkMs).toMatchObject({ count: 2, min: 10, max: 15 });
    expect(metrics.chunksPerRead).toEqual({ "1": 2, "2": 1 });
    expect(metrics.itlMs).toBeUndefined();
  });

  it("are the same only where every chunk is one token by the server's count", async () => {
    const counted = (perChunk: number[]): RequestInWords => ({
      ...words,
      tokens: { output: perChunk.reduce((a, b) => a + b), perChunk },
    });
    const one = await metricsOf(closed(1), [[counted([1, 1, 1, 1])]]);
    expect(one.itlMs).toEqual(one.interChunkMs);
    expect(
      (await metricsOf(closed(1), [[counted([1, 1, 1, 1]), counted([1, 2, 1, 1])]])).itlMs,
    ).toBeUndefined();
    expect(
      (await metricsOf(closed(1), [[counted([1, 1, 1, 1])], [{ ...words, tokens: { output: 5 } }]])).itlMs,
    ).toBeUndefined();
  });

  it("are the same where an answer has as many chunks as tokens with text", async () => {
    const metrics = await metricsOf(closed(1), [[{ ...words, tokens: { output: 4 } }]]);
    expect(metrics.itlMs).toEqual(metrics.interChunkMs);
    const ended = { ...words, tokens: { output: 5 }, finish: "stop" };
    expect((await metricsOf(closed(1), [[ended]])).itlMs).toBeUndefined();
    expect((await metricsOf(closed(1), [[ended]], { endTokenCounted: true })).itlMs).toBeDefined();
  });
});

describe("an open loop, worked by hand", () => {
  /** Ten arrivals, 100 ms apart, each sent 5 ms late; first token 20 ms after the send, last 30 ms later. */
  const arrivals: RequestInWords[] = every(100, 0, 10).map((at) => ({
    scheduled: at,
    sent: at + 5,
    reads: every(10, at + 25, 4),
  }));

  it("has user latencies from the schedule beside those from the send", async () => {
    const metrics = await metricsOf(open(10), [arrivals]);
    // Ramp 90 ms: nine arrivals count.
    expect(metrics.windowSeconds).toBeCloseTo(0.81, 9);
    expect(metrics.ttftMs).toMatchObject({ count: 9, mean: 20 });
    expect(metrics.userTtftMs).toMatchObject({ count: 9, mean: 25 });
    expect(metrics.e2eMs.mean).toBe(50);
    expect(metrics.userE2eMs?.mean).toBe(55);
    // In [90, 900): the answers to arrivals 100 … 800, 32 tokens.
    expect(metrics.outputTokensPerSecond?.value).toBeCloseTo(32 / 0.81, 9);
  });

  it("judges goodput as the user has it", async () => {
    expect((await metricsOf(open(10), [arrivals], { slos: { ttftMs: 22 } })).goodput?.share).toBe(0);
    expect((await metricsOf(open(10), [arrivals], { slos: { ttftMs: 25 } })).goodput?.share).toBe(1);
    expect((await metricsOf(open(10), [arrivals], { slos: { e2eMs: 54 } })).goodput?.share).toBe(0);
  });

  it("counts what the cap held back to the end as missed, once it had waited longer than the SLO", async () => {
    const heldBack: RequestInWords[] = [
      ...arrivals,
      { scheduled: 920, error: "cancelled", end: 1000 },
      { scheduled: 990, error: "cancelled", end: 1000 },
    ];
    const goodput = (await metricsOf(open(10), [heldBack], { slos: { ttftMs: 50 } })).goodput;
    // Window 99 … 990: nine good ones; of the two that were cancelled one had waited 80 ms, the other 10 ms.
    expect(goodput?.share).toBeCloseTo(0.9, 9);
  });
});

describe("goodput", () => {
  const good = (sent: number): RequestInWords => ({ sent, reads: every(10, sent + 50, 4) });
  const share = async (odd: RequestInWords, slos: SloPlan): Promise<number | undefined> => {
    const requests = [good(0), good(100), good(200), good(300), odd];
    return (await metricsOf(closed(1), [requests], { slos })).goodput?.share;
  };

  it("counts failed and timed-out requests as missed, and leaves out what was cancelled undecided", async () => {
    const slos = { ttftMs: 60, tpotMs: 11 };
    expect(await share(good(400), slos)).toBe(1);
    expect(await share({ sent: 400, error: "http" }, slos)).toBe(0.8);
    expect(await share({ sent: 400, reads: [410], error: "timeout" }, slos)).toBe(0.8);
    expect(await share({ sent: 400, error: "cancelled", end: 420 }, slos)).toBe(1);
    expect(await share({ sent: 400, error: "cancelled", end: 480 }, slos)).toBe(0.8);
  });

  it("lets an answer of one token meet any TPOT, and one of uncounted tokens none", async () => {
    expect(await share({ sent: 400, reads: [450], tokens: { output: 1 } }, { tpotMs: 11 })).toBe(1);
    expect(await share({ sent: 400, reads: [450, 460], tokens: {} }, { tpotMs: 11 })).toBe(0.8);
    expect(await share({ sent: 400, reads: [450, 460], tokens: {} }, { ttftMs: 60 })).toBe(1);
  });

  it("includes the limit itself", async () => {
    expect(await share(good(400), { ttftMs: 50, tpotMs: 10, e2eMs: 80 })).toBe(1);
    expect(await share(good(400), { ttftMs: 49.999 })).toBe(0);
  });
});

describe("a server that counts no tokens", () => {
  it("has no throughput in tokens, and all the rest", async () => {
    const requests = twoStreams.map((words) => ({ ...words, tokens: {} }));
    const metrics = await metricsOf(closed(2), [requests]);
    expect(metrics.outputTokensPerSecond).toBeNull();
    expect(metrics.outputTokensPerSecondFullRun).toBeNull();
    expect(metrics.outputTokensPerSecondPerUser).toBeNull();
    expect(metrics.tokensPerChunkMean).toBeNull();
    expect(metrics.tokens).toMatchObject({ outputMean: null, promptMean: null, outputTotal: 0 });
    expect(metrics.tpotMs.count).toBe(0);
    expect(metrics.ttftMs.mean).toBe(110);
    expect(metrics.requestsPerSecond?.value).toBeCloseTo(4 / 0.264, 9);
  });

  it("is helped by counts of each chunk", async () => {
    const requests = twoStreams.map((words) => ({ ...words, tokens: { perChunk: [1, 1, 1, 1] } }));
    expect((await metricsOf(closed(2), [requests])).outputTokensPerSecond?.value).toBeCloseTo(16 / 0.264, 9);
  });
});

describe("the interval of a throughput", () => {
  /** One stream: a request of 100 ms after the other, four tokens at its end. */
  const stream = (count: number): RequestInWords[] =>
    Array.from({ length: count }, (_, k) => ({ sent: k * 100, reads: every(5, k * 100 + 70, 4) }));

  it("is there from 30 requests up", async () => {
    expect((await metricsOf(closed(1), [stream(29)])).outputTokensPerSecond?.interval).toBeNull();
    const rate = (await metricsOf(closed(1), [stream(31)])).outputTokensPerSecond;
    // 30 requests of 100 ms in ten slices of three: every slice has 12 tokens, so the interval has no width.
    expect(rate?.value).toBeCloseTo(40, 9);
    expect(rate?.interval?.[0]).toBeCloseTo(40, 6);
    expect(rate?.interval?.[1]).toBeCloseTo(40, 6);
  });

  it("is t over the rates of ten slices", async () => {
    // The same stream, but every second group of three requests writes twice the tokens: slices of 12 and 24.
    const requests = stream(31).map((words, k) => ({
      ...words,
      tokens: { output: Math.floor(k / 3) % 2 === 0 ? 4 : 8, firstChunk: 1 },
    }));
    const rate = (await metricsOf(closed(1), [requests])).outputTokensPerSecond;
    // Slice rates 40 and 80 a second, five of each: mean 60, s = 20 √(10 / 9), t(0.975, 9) = 2.262157.
    const half = (2.262157 * 20 * Math.sqrt(10 / 9)) / Math.sqrt(10);
    expect(rate?.value).toBeCloseTo(60, 9);
    expect(rate?.interval?.[0]).toBeCloseTo(60 - half, 4);
    expect(rate?.interval?.[1]).toBeCloseTo(60 + half, 4);
  });

  it("takes whole measurements for slices where there are ten of them", async () => {
    // Ten measurements of five requests: the odd ones twice as slow, so 40 and 20 tokens a second.
    const slow = stream(5).map((words, k) => ({ sent: k * 200, reads: every(5, k * 200 + 70, 4) }));
    const measurements = Array.from({ length: 10 }, (_, k) => (k % 2 === 0 ? stream(5) : slow));
    const rate = (await metricsOf(closed(1), measurements)).outputTokensPerSecond;
    expect(rate?.value).toBeCloseTo((160 * 5) / (0.4 * 5 + 0.8 * 5) / 5, 9);
    const half = (2.262157 * 10 * Math.sqrt(10 / 9)) / Math.sqrt(10);
    expect((rate?.interval?.[1] ?? 0) - (rate?.value ?? 0)).toBeCloseTo(half, 4);
  });

  it("is never below 0", async () => {
    const requests = stream(31).map((words, k) => ({ ...words, tokens: { output: k === 4 ? 900 : 0 } }));
    expect((await metricsOf(closed(1), [requests])).outputTokensPerSecond?.interval?.[0]).toBe(0);
  });
});

describe("laws of all metrics", () => {
  const answers = fc.array(
    fc.record({
      wait: fc.integer({ min: 1, max: 400 }),
      gaps: fc.array(fc.integer({ min: 0, max: 90 }), { minLength: 0, maxLength: 12 }),
      outcome: fc.constantFrom<RequestInWords["error"]>(undefined, undefined, undefined, "http", "timeout"),
    }),
    { minLength: 5, maxLength: 40, size: "max" },
  );

  /** One stream that sends the answers' requests one after the other. */
  function inOneStream(
    drawn: readonly { wait: number; gaps: number[]; outcome: RequestInWords["error"] }[],
    factor = 1,
  ) {
    let sent = 0;
    return drawn.map(({ wait, gaps, outcome }): RequestInWords => {
      const reads = [sent + wait];
      for (const gap of gaps) reads.push((reads.at(-1) as number) + gap);
      const words: RequestInWords = {
        sent: sent * factor,
        reads: reads.map((at) => at * factor),
        end: ((reads.at(-1) as number) + 1) * factor,
        tokens: { output: reads.length, firstChunk: 1 },
        ...(outcome === undefined ? {} : { error: outcome }),
      };
      sent = (reads.at(-1) as number) + 2;
      return words;
    });
  }

  it("do not depend on the order in which requests ended", async () => {
    await fc.assert(
      fc.asyncProperty(answers, async (drawn) => {
        const requests = inOneStream(drawn);
        const slos = { ttftMs: 200 };
        const forwards = await metricsOf(closed(1), [requests], { slos });
        const backwards = await metricsOf(closed(1), [[...requests].reverse()], { slos });
        // Resampling draws requests by their place in the file; sums may differ in the last digit.
        const comparable = ({
          interChunkMs: { intervals: _intervals, ...gaps },
          itlMs: _itl,
          ...rest
        }: Metrics): unknown =>
          JSON.parse(JSON.stringify({ gaps, rest }), (_key, value: unknown) =>
            typeof value === "number" ? Number(value.toPrecision(9)) : value,
          );
        expect(comparable(backwards)).toEqual(comparable(forwards));
      }),
      { seed: 11, numRuns: 40 },
    );
  });

  it("scale with time: twice as slow has twice the latencies and half the rates", async () => {
    await fc.assert(
      fc.asyncProperty(answers, async (drawn) => {
        const one = await metricsOf(closed(1), [inOneStream(drawn)]);
        const two = await metricsOf(closed(1), [inOneStream(drawn, 2)]);
        for (const name of ["ttftMs", "tpotMs", "e2eMs", "interChunkMs"] as const) {
          for (const key of ["mean", "min", "max", "p50"] as const) {
            expect(two[name][key] === null).toBe(one[name][key] === null);
            expect(two[name][key] ?? 0).toBeCloseTo(2 * (one[name][key] ?? 0), 6);
          }
        }
        for (const name of [
          "outputTokensPerSecond",
          "outputTokensPerSecondFullRun",
          "requestsPerSecond",
        ] as const) {
          expect(two[name]?.value ?? 0).toBeCloseTo((one[name]?.value ?? 0) / 2, 6);
        }
      }),
      { seed: 12, numRuns: 40 },
    );
  });

  it("conserve tokens: no more arrive in the window than were written", async () => {
    await fc.assert(
      fc.asyncProperty(answers, async (drawn) => {
        const metrics = await metricsOf(closed(1), [inOneStream(drawn)]);
        const inWindow = (metrics.outputTokensPerSecond?.value ?? 0) * (metrics.windowSeconds ?? 0);
        const written = drawn.reduce((sum, { gaps }) => sum + gaps.length + 1, 0);
        expect(inWindow).toBeLessThanOrEqual(written + 1e-6);
        // In one stream only the last request's tokens come after the last send.
        expect(inWindow).toBeCloseTo(written - ((drawn.at(-1)?.gaps.length ?? 0) + 1), 6);
      }),
      { seed: 13, numRuns: 40 },
    );
  });
});

describe("the coverage of a throughput's interval", () => {
  it("is near 95 % for requests of random length in one stream", async () => {
    let held = 0;
    const runs = 300;
    for (let run = 0; run < runs; run++) {
      const random = randomFrom(run * 40_503);
      let sent = 0;
      const records: RequestRecord[] = Array.from({ length: 60 }, (_, i) => {
        // E2E uniform on 50 … 150 ms for 4 tokens: 40 tokens a second in the long run.
        const last = sent + 50 + 100 * random();
        const record = request(
          { sent, reads: every((last - sent) / 8, sent + (last - sent) / 2, 5), tokens: { output: 4 } },
          i,
        );
        sent = last;
        return record;
      });
      const rate = computeMetrics(
        [await readSample(() => records, closed(1), false)],
        undefined,
        1,
      ).outputTokensPerSecond;
      const [low, high] = rate?.interval ?? [0, 0];
      if (low <= 40 && high >= 40) held++;
    }
    expect(held / runs).toBeGreaterThanOrEqual(0.93);
  });
});
