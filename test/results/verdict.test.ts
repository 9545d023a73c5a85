import { describe, expect, it } from "vitest";
import type { Circumstances } from "../../src/results/circumstances.ts";
import type { Observations } from "../../src/results/observations.ts";
import type { Metrics } from "../../src/results/schema/metrics.ts";
import type { RequestCounts, StoredLoad } from "../../src/results/schema/summary.ts";
import type { Reason } from "../../src/results/schema/verdict.ts";
import { summariseLatency } from "../../src/results/statistics.ts";
import { fails, isFinished, judgeMeasurement, worstStatus } from "../../src/results/verdict.ts";

/** Of a client whose p99 is known. */
function lagOf(p99: number) {
  return { mean: p99 / 4, p50: p99 / 8, p99 };
}

const load: StoredLoad = { arrival: "closed", concurrency: 1, outputTokens: 100 };
const requests: RequestCounts = { planned: 100, ok: 100, failed: 0, timedOut: 0, cancelled: 0 };
const seen: Observations = {
  scheduleLagMs: { p50: 0.1, p99: 0.2, max: 0.3 },
  clientLagMs: lagOf(0.2),
  sendTtftMs: { p50: 100, p99: 100 },
  rateShortfall: 0,
  clientRateShortfall: 0,
  heldBack: 0,
  outputOffTarget: 0,
  answers: 100,
  withoutUsage: 0,
  firstChunkAssumed: 0,
  cachedShare: null,
  unsteady: [],
  commonFailure: null,
};
const circumstances: Circumstances = {
  simulated: false,
  outputLength: "forced",
  cache: "warm",
  ownServer: true,
  instanceChanged: false,
  interrupted: false,
  clientBesideServer: false,
};

function metricsOf(count: number, windowSeconds: number | null = 10): Metrics {
  const latency = summariseLatency(Float64Array.from({ length: count }, (_, i) => 100 + (i % 2) * 10));
  return {
    ttftMs: latency,
    tpotMs: latency,
    interChunkMs: latency,
    e2eMs: latency,
    outputTokensPerSecond: null,
    outputTokensPerSecondFullRun: null,
    requestsPerSecond: null,
    outputTokensPerSecondPerUser: null,
    windowSeconds,
    tokens: { promptMean: null, outputMean: null, outputTarget: 100, outputTotal: 0, cachedMean: null },
    finish: {},
    chunksPerRead: {},
    tokensPerChunkMean: null,
  };
}

function judge(
  changed: {
    load?: StoredLoad;
    requests?: Partial<RequestCounts>;
    metrics?: Metrics;
    seen?: Partial<Observations>;
    circumstances?: Partial<Circumstances>;
  } = {},
) {
  return judgeMeasurement(
    changed.load ?? load,
    { ...requests, ...changed.requests },
    changed.metrics ?? metricsOf(100),
    { ...seen, ...changed.seen },
    { ...circumstances, ...changed.circumstances },
  );
}

/** Status and codes, as `suspect: schedule-lag`. */
function inWords(verdict: ReturnType<typeof judge>): string {
  return [verdict.status, ...verdict.reasons.map((reason) => `${reason.code} ${reason.status}`)].join(", ");
}

describe("a clean measurement", () => {
  it("is valid without a reason or a note", () => {
    expect(judge()).toEqual({ status: "valid", reasons: [], notes: [] });
  });
});

describe("schedule lag", () => {
  const rated: StoredLoad = { arrival: "constant", ratePerSecond: 10, outputTokens: 100 };

  it.each([
    [5, "valid"],
    [5.01, "suspect, schedule-lag suspect"],
    [25, "suspect, schedule-lag suspect"],
    [25.01, "invalid, schedule-lag invalid"],
  ])("with a p99 of %d ms at a TTFT of 100 ms is %s", (p99, expected) => {
    expect(inWords(judge({ load: rated, seen: { clientLagMs: lagOf(p99) } }))).toBe(expected);
  });

  it("below 1 ms raises nothing, however short TTFT is", () => {
    expect(
      inWords(judge({ load: rated, seen: { clientLagMs: lagOf(1), sendTtftMs: { p50: 2, p99: 2 } } })),
    ).toBe("valid");
    expect(
      inWords(judge({ load: rated, seen: { clientLagMs: lagOf(1.01), sendTtftMs: { p50: 2, p99: 2 } } })),
    ).toBe("invalid, schedule-lag invalid");
    expect(
      inWords(judge({ load: rated, seen: { clientLagMs: lagOf(1.01), sendTtftMs: { p50: 0, p99: 0 } } })),
    ).toBe("invalid, schedule-lag invalid");
  });

  it("stands beside the TTFT of its own rank", () => {
    const sendTtftMs = { p50: 25, p99: 480 };
    const late = (p50: number, p99: number) =>
      judge({ load: rated, seen: { clientLagMs: { mean: p50, p50, p99 }, sendTtftMs } }).reasons[0]?.text;
    expect(late(0.1, 4)).toBeUndefined();
    expect(late(0.1, 48)).toContain(
      "1 % of them more than 48 ms after their time, which is 10 % of the p99 TTFT of 480 ms",
    );
    expect(late(5, 48)).toContain(
      "half of them more than 5 ms after their time, which is 20 % of the median TTFT of 25 ms",
    );
  });

  it("raises nothing in a closed loop, where nothing is due", () => {
    expect(inWords(judge({ seen: { clientLagMs: lagOf(90) } }))).toBe("valid");
  });

  it("is said in a sentence with its figures", () => {
    const [reason] = judge({ load: rated, seen: { clientLagMs: lagOf(7.4321) } }).reasons;
    expect(reason?.text).toBe(
      "Requests left late: 1 % of them more than 7.43 ms after their time, which is 7.43 % of the p99 TTFT of 100 ms (limit 5 %).",
    );
    expect(reason?.value).toBeCloseTo(0.074321, 9);
    expect(reason?.threshold).toBe(0.05);
  });
});

describe("concurrency", () => {
  it.each([
    [0.02, "valid"],
    [0.021, "suspect, rate-not-held suspect"],
    [0.101, "invalid, rate-not-held invalid"],
  ])("with streams idle a share of %d of their time is %s", (share, expected) => {
    expect(inWords(judge({ seen: { rateShortfall: share, clientRateShortfall: share } }))).toBe(expected);
  });

  it("is said in a sentence with its figures", () => {
    const [reason] = judge({ seen: { rateShortfall: 0.0312, clientRateShortfall: 0.0312 } }).reasons;
    expect(reason?.text).toBe(
      "Streams stood idle for 3.12 % of their time, between an answer's end and the next request, so the load was lighter than concurrency 1 (limit 2 %).",
    );
  });
});

describe("the offered rate", () => {
  const rated: StoredLoad = { arrival: "constant", ratePerSecond: 10, maxConcurrency: 8, outputTokens: 100 };

  it.each([
    [0.02, "valid"],
    [0.021, "suspect, rate-not-held suspect"],
    [0.1, "suspect, rate-not-held suspect"],
    [0.101, "invalid, rate-not-held invalid"],
  ])("missed by the client by a share of %d is %s", (share, expected) => {
    expect(inWords(judge({ load: rated, seen: { rateShortfall: share, clientRateShortfall: share } }))).toBe(
      expected,
    );
  });

  it.each([
    [0.02, "valid"],
    [0.021, "suspect, server-saturated suspect"],
    [0.9, "suspect, server-saturated suspect"],
  ])("missed because of the cap by a share of %d is %s, and no rerun cures it", (rateShortfall, expected) => {
    const verdict = judge({ load: rated, seen: { rateShortfall, heldBack: 17 } });
    expect(inWords(verdict)).toBe(expected);
    for (const { curable, text } of verdict.reasons) {
      expect(curable).toBe(false);
      expect(text).toContain("17 requests had to wait because 8, the most allowed, were in flight");
    }
  });

  it("missed by both is the client's matter first", () => {
    const verdict = judge({ load: rated, seen: { rateShortfall: 0.5, clientRateShortfall: 0.2 } });
    expect(inWords(verdict)).toBe("invalid, rate-not-held invalid");
  });
});

describe("failed requests", () => {
  it.each([
    [{ ok: 1000, failed: 0 }, "valid"],
    [{ ok: 999, failed: 1 }, "suspect, failed-requests suspect"],
    [{ ok: 95, failed: 5 }, "suspect, failed-requests suspect"],
    [{ ok: 94, failed: 5 }, "invalid, failed-requests invalid"],
    [{ ok: 94, failed: 0, timedOut: 6 }, "invalid, failed-requests invalid"],
    [{ ok: 0, failed: 0, cancelled: 5 }, "valid"],
    [{ ok: 0, failed: 1 }, "invalid, failed-requests invalid"],
  ])("%o are %s", (counts, expected) => {
    expect(inWords(judge({ requests: counts }))).toBe(expected);
  });

  it("are told by what most of them failed of, cut to a line", () => {
    const text = (commonFailure: string) =>
      judge({ requests: { ok: 90, failed: 10 }, seen: { commonFailure } }).reasons[0]?.text;
    expect(text("not an answer of this API:\n <html>")).toMatch(
      /The most frequent error: not an answer of this API: <html>$/,
    );
    expect(text("x".repeat(500))).toMatch(/ x{159}…$/);
  });

  it("are counted in the sentence, and time-outs named", () => {
    expect(judge({ requests: { ok: 90, failed: 4, timedOut: 6 } }).reasons[0]?.text).toBe(
      "10 of 100 requests failed (10 %); 6 of them timed out. The limit is 5 %.",
    );
    expect(judge({ requests: { ok: 99, failed: 1 } }).reasons[0]?.text).toBe(
      "1 of 100 requests failed (1 %). None should.",
    );
  });
});

describe("output length", () => {
  it("more than 2 % off target is suspect where it was forced, a note where it cannot be, nothing where not asked", () => {
    expect(inWords(judge({ seen: { outputOffTarget: 0.02 } }))).toBe("valid");
    const off = { outputOffTarget: 0.021 };
    const forced = judge({ seen: off });
    expect(inWords(forced)).toBe("suspect, output-length suspect");
    expect(forced.reasons[0]?.curable).toBe(false);
    const unable = judge({ seen: off, circumstances: { outputLength: "not-forceable" } });
    expect(inWords(unable)).toBe("valid");
    expect(unable.notes.map(({ code }) => code)).toEqual(["output-length"]);
    expect(unable.notes[0]?.text).toContain("cannot be made to write an exact length");
    expect(judge({ seen: off, circumstances: { outputLength: "free" } })).toEqual({
      status: "valid",
      reasons: [],
      notes: [],
    });
  });
});

describe("the cache contract", () => {
  it("is off by more than 5 points on either side", () => {
    const metrics = metricsOf(100);
    metrics.tokens.promptMean = 100;
    const circumstances = { cache: "shared-prefix", expectedCachedTokens: [50, 50] } as const;
    const at = (cachedShare: number): string =>
      inWords(judge({ metrics, seen: { cachedShare }, circumstances }));
    expect(at(0.549)).toBe("valid");
    expect(at(0.451)).toBe("valid");
    expect(at(0.56)).toBe("suspect, cache-contract suspect");
    expect(at(0.44)).toBe("suspect, cache-contract suspect");
  });

  it("warm takes what comes and says what came", () => {
    const verdict = judge({ seen: { cachedShare: 0.8 } });
    expect(verdict.status).toBe("valid");
    expect(verdict.notes).toMatchObject([{ code: "cache-contract", value: 0.8 }]);
    expect(verdict.notes[0]?.text).toContain("80 %");
  });
});

describe("usage", () => {
  it("missing everywhere is a note, missing here and there makes throughput suspect", () => {
    expect(judge({ seen: { withoutUsage: 100 } })).toMatchObject({
      status: "valid",
      notes: [{ code: "no-usage" }],
    });
    expect(inWords(judge({ seen: { withoutUsage: 1 } }))).toBe("suspect, no-usage suspect");
  });

  it("without the first chunk's tokens is a note that says which way TPOT errs", () => {
    expect(judge({ seen: { firstChunkAssumed: 3 } }).notes).toMatchObject([
      { code: "first-chunk-tokens-unknown", text: expect.stringContaining("reads low") },
    ]);
  });
});

describe("circumstances", () => {
  it("a changed instance is always invalid, an interruption suspect, the rest notes", () => {
    expect(inWords(judge({ circumstances: { instanceChanged: true } }))).toBe(
      "invalid, instance-changed invalid",
    );
    expect(inWords(judge({ circumstances: { interrupted: true } }))).toBe("suspect, interrupted suspect");
    // Of a part nobody can say whether its load was held.
    const idle = { rateShortfall: 0.5, clientRateShortfall: 0.5 };
    expect(inWords(judge({ seen: idle, circumstances: { interrupted: true } }))).toBe(
      "suspect, interrupted suspect",
    );
    const noted = judge({ circumstances: { simulated: true, clientBesideServer: true } });
    expect(noted.status).toBe("valid");
    expect(noted.notes.map(({ code }) => code)).toEqual(["simulated", "client-beside-server"]);
  });

  it("make a client suspect that used most of a core, unless it hardly ran", () => {
    const client = (user: number, system: number, wallSeconds: number) => ({
      circumstances: { client: { cpuSeconds: { user, system }, wallSeconds } },
    });
    const shared = (user: number, workers: number) =>
      judge({ circumstances: { client: { cpuSeconds: { user, system: 0 }, wallSeconds: 10, workers } } });
    expect(shared(14, 2).status).toBe("valid");
    expect(shared(18, 2).reasons[0]?.text).toContain("used 90 % of each of the cores of its 2 workers");
    expect(judge(client(6, 2, 10)).status).toBe("valid");
    const busy = judge(client(6.5, 2.5, 10));
    expect(busy).toMatchObject({
      status: "suspect",
      reasons: [{ code: "client-cpu", value: 0.9, threshold: 0.8, curable: false }],
    });
    expect(busy.reasons[0]?.text).toContain("used 90 % of a core (limit 80 %)");
    expect(judge(client(0.5, 0.4, 0.9)).status).toBe("valid");
  });

  it("name the client where its own error is large beside what it measured", () => {
    const barred = (p50: number, bar: number) => ({
      metrics: {
        ...metricsOf(100),
        ttftMs: {
          ...summariseLatency(Float64Array.from({ length: 40 }, () => p50)),
          clientErrorMs: { mean: bar, p50: bar, p99: bar },
        },
      },
    });
    expect(judge(barred(100, 10)).status).toBe("valid");
    expect(judge(barred(100, 11))).toMatchObject({
      status: "suspect",
      reasons: [{ code: "client-too-slow", value: 0.11, threshold: 0.1 }],
    });
    const lost = judge(barred(100, 26));
    expect(lost.status).toBe("invalid");
    expect(lost.reasons[0]?.text).toBe(
      "The client read answers late: that alone may have moved the median TTFT of 100 ms by 26 ms, which is 26 % of it (limit 25 %).",
    );
    // Of latencies of a millisecond a tenth is nothing that anyone sees.
    expect(judge(barred(2, 1)).status).toBe("valid");
  });

  it("make a measurement invalid whose replay the client did not get through", () => {
    const replay = { unfinished: 3 } as NonNullable<NonNullable<Circumstances["client"]>["replay"]>;
    const client = { cpuSeconds: { user: 1, system: 0 }, wallSeconds: 10, replay };
    expect(judge({ circumstances: { client } })).toMatchObject({
      status: "invalid",
      reasons: [{ code: "client-too-slow", value: 3 }],
    });
  });

  it("make numbers suspect that were measured beside another benchmark's server, and name it", () => {
    expect(judge({ circumstances: { otherServers: [] } }).reasons).toEqual([]);
    expect(judge({ circumstances: { otherServers: ["tgi--m of run night"] } })).toMatchObject({
      status: "suspect",
      reasons: [
        {
          code: "shared-node",
          text: "Another benchmark's server was up on this machine: tgi--m of run night.",
          value: 1,
        },
      ],
    });
    const two = judge({ circumstances: { otherServers: ["a--m of run x", "b--m of run y"] } });
    expect(two.reasons[0]?.text).toBe(
      "2 servers of other benchmarks were up on this machine: a--m of run x, b--m of run y.",
    );
  });

  it("take what the back end found", () => {
    const neighbour: Reason = { code: "neighbour", status: "suspect", text: "Another pod used the GPU." };
    expect(inWords(judge({ circumstances: { reasons: [neighbour] } }))).toBe("suspect, neighbour suspect");
  });
});

describe("few samples", () => {
  it("are a note that changes no status, from 11 latencies and a window up none", () => {
    expect(judge({ metrics: metricsOf(10) })).toMatchObject({
      status: "valid",
      notes: [{ code: "few-samples" }],
    });
    expect(judge({ metrics: metricsOf(11) }).notes).toEqual([]);
    const noWindow = judge({ metrics: metricsOf(11, null), load: { ...load, concurrency: 4 } });
    expect(noWindow.notes[0]).toMatchObject({ code: "few-samples", threshold: 12 });
    expect(noWindow.notes[0]?.text).toContain("which needs 12 requests");
  });

  it("say that they count for fewer where they are correlated", () => {
    const metrics = metricsOf(20);
    metrics.ttftMs = { ...metrics.ttftMs, effectiveCount: 7.25 };
    expect(judge({ metrics }).notes[0]?.text).toContain(
      "20 latencies that depend on each other count for 7.3 independent ones",
    );
  });
});

describe("the status", () => {
  it("is the worst of the reasons", () => {
    expect(worstStatus([])).toBe("valid");
    expect(worstStatus(["valid", "suspect"])).toBe("suspect");
    expect(worstStatus(["suspect", "invalid", "valid"])).toBe("invalid");
    const both = judge({ seen: { outputOffTarget: 0.5 }, requests: { ok: 50, failed: 50 } });
    expect(both.status).toBe("invalid");
    expect(both.reasons.map(({ code }) => code)).toEqual(["failed-requests", "output-length"]);
  });
});

describe("whether a measurement is finished", () => {
  const reason = (
    status: Reason["status"],
    curable?: boolean,
    code: Reason["code"] = "schedule-lag",
  ): Reason => ({
    code,
    status,
    text: "…",
    ...(curable === undefined ? {} : { curable }),
  });
  const finished = (failOn: "invalid" | "suspect" | "never", ...reasons: Reason[]): boolean =>
    isFinished(
      {
        verdict: {
          status: worstStatus(reasons.map(({ status }) => status as "suspect")),
          reasons,
          notes: [],
        },
      },
      failOn,
    );

  it("depends on failOn", () => {
    expect(finished("invalid")).toBe(true);
    expect(finished("invalid", reason("suspect"))).toBe(true);
    expect(finished("invalid", reason("invalid"))).toBe(false);
    expect(finished("suspect", reason("suspect"))).toBe(false);
    expect(finished("never", reason("invalid"))).toBe(true);
  });

  it("is so where a rerun cannot cure what failOn names", () => {
    expect(finished("suspect", reason("suspect", false))).toBe(true);
    // One that cannot be cured keeps the verdict where it is, whatever becomes of the other.
    expect(finished("suspect", reason("suspect"), reason("suspect", false))).toBe(true);
    // The one that cannot be cured is not what failOn names.
    expect(finished("invalid", reason("invalid"), reason("suspect", false))).toBe(false);
  });

  it("is never so after an interruption or a changed instance", () => {
    expect(finished("never", reason("suspect", undefined, "interrupted"))).toBe(false);
    expect(finished("never", reason("invalid", undefined, "instance-changed"))).toBe(false);
  });

  it("agrees with what fails", () => {
    expect([fails("valid", "suspect"), fails("suspect", "suspect"), fails("invalid", "suspect")]).toEqual([
      false,
      true,
      true,
    ]);
    expect([fails("suspect", "invalid"), fails("invalid", "invalid"), fails("invalid", "never")]).toEqual([
      false,
      true,
      false,
    ]);
  });
});
