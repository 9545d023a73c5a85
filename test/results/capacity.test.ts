import { describe, expect, it } from "vitest";
import type { CapacitySearchPlan } from "../../src/config/plan.ts";
import {
  MISSING,
  type Probe,
  type ProbeOutcome,
  type SearchOptions,
  type SearchResult,
} from "../../src/results/capacity/probe.ts";
import { outcomeOf, probePlaces, replaySearch } from "../../src/results/capacity/probe-points.ts";
import { searchCapacity } from "../../src/results/capacity/search.ts";
import { findCliff } from "../../src/results/capacity/share-cliff.ts";
import { fitShareCurve, intervalOfLoad, loadAt } from "../../src/results/capacity/share-curve.ts";
import type { MeasurementSummary } from "../../src/results/schema/summary.ts";

const options: SearchOptions = {
  by: "rate",
  target: 0.95,
  precision: 0.1,
  maxRequests: 20_000,
  upTo: 10_000,
};

/** A server of which the share at each load is known; answers take 100 ms. */
function run(share: (load: number) => number, more: Partial<SearchOptions> = {}): SearchResult {
  return drive(more, ({ load, requests, phase }) => {
    const good = phase === "lone" ? requests : Math.round(requests * share(load));
    return { good, all: requests, seconds: requests / load, e2eSeconds: 0.1, clientFailed: false };
  });
}

function drive(more: Partial<SearchOptions>, measure: (probe: Probe) => ProbeOutcome): SearchResult {
  const steps = searchCapacity({ ...options, ...more });
  let step = steps.next();
  while (!step.done) step = steps.next(measure(step.value));
  return step.value;
}

const line = (at95: number, slope: number) => (load: number) =>
  1 / (1 + Math.exp(-(Math.log(19) - slope * Math.log(load / at95))));

describe("the curve of shares", () => {
  const loads = [8, 9, 10, 10, 11, 12];

  it("goes through probes that lie on it, and its interval holds where it crosses the target", () => {
    const share = line(10, 15);
    const probes = loads.map((load) => ({ load, good: Math.round(10_000 * share(load)), all: 10_000 }));
    const curve = fitShareCurve(probes);
    expect(curve?.slope).toBeCloseTo(-15, 1);
    expect(curve && loadAt(curve, 0.95)).toBeCloseTo(10, 1);
    const [low, high] = (curve && intervalOfLoad(curve, probes, 0.95)) ?? [0, 0];
    expect(low).toBeLessThan(10);
    expect(high).toBeGreaterThan(10);
    expect(high - low).toBeLessThan(0.2);
  });

  it("has a wider interval where probes of one load differ more than their requests say", () => {
    const share = line(10, 15);
    const off = [0.03, -0.05, 0.02, -0.03, 0.05, -0.04];
    const probes = loads.map((load, i) => ({
      load,
      good: Math.round(10_000 * Math.min(1, share(load) + (off[i] as number))),
      all: 10_000,
    }));
    const curve = fitShareCurve(probes);
    expect(curve?.overdispersion).toBeGreaterThan(20);
    const [low, high] = (curve && intervalOfLoad(curve, probes, 0.95)) ?? [0, 0];
    expect(high - low).toBeGreaterThan(0.5);
  });

  it("goes through all good at one load and a mixture at the next, and crosses the target between", () => {
    const probes = [5, 6, 5, 6, 5, 6].map((load) => ({ load, good: load === 5 ? 240 : 100, all: 240 }));
    const curve = fitShareCurve(probes);
    const [low, high] = (curve && intervalOfLoad(curve, probes, 0.95)) ?? [0, 0];
    expect(low).toBeGreaterThan(5);
    expect(high).toBeLessThan(6);
  });

  it("is none through a few probes, nor through those of one load", () => {
    expect(fitShareCurve([{ load: 1, good: 95, all: 100 }])).toBeUndefined();
    expect(fitShareCurve(loads.map(() => ({ load: 8, good: 95, all: 100 })))).toBeUndefined();
  });
});

describe("a cliff of shares", () => {
  const probe = (load: number, good: number) => ({ load, good, all: 100 });

  it("is sheer where probes are all or nothing", () => {
    const cliff = findCliff([probe(5, 100), probe(6, 0), probe(4, 100), probe(6, 10)], 0.95);
    expect(cliff).toEqual({ met: 5, missed: 6, probesMet: 1, probesMissed: 2, isSheer: true });
  });

  it("is not where a probe says how the share falls", () => {
    expect(findCliff([probe(5, 100), probe(6, 80)], 0.95)).toMatchObject({ isSheer: false });
    expect(findCliff([probe(5, 96), probe(6, 0)], 0.95)).toMatchObject({ isSheer: false });
  });

  it("is none where a higher load met the target that a lower one missed", () => {
    expect(findCliff([probe(5, 90), probe(6, 100)], 0.95)).toBeUndefined();
  });
});

describe("a search for the capacity", () => {
  it("finds the rate at which the share crosses the target", () => {
    const result = run(line(37, 20));
    expect(result).toMatchObject({ status: "found", ended: "precision" });
    expect(result.estimate).toBeGreaterThan(36.5);
    expect(result.estimate).toBeLessThan(37.5);
    expect(result.interval?.[0]).toBeLessThan(37);
    expect(result.interval?.[1]).toBeGreaterThan(37);
  });

  const streams = (share: (load: number) => number, more: Partial<SearchOptions> = {}) =>
    run(share, { by: "concurrency", ...more });

  it("finds the last concurrency before a step to nothing, low and high", () => {
    const share = (last: number) => (load: number) => (load <= last ? 1 : 0);
    for (const last of [1, 5, 20])
      expect(streams(share(last))).toMatchObject({
        status: "found",
        ended: "precision",
        estimate: last,
        interval: [last, last],
      });
    for (const last of [63, 150]) {
      const { ended, interval } = streams(share(last));
      expect(ended).toBe("precision");
      const [low, high] = interval ?? [0, 0];
      expect(low).toBeLessThanOrEqual(last);
      expect(high).toBeGreaterThanOrEqual(last);
      expect(high - low).toBeLessThanOrEqual(last / 10);
    }
  });

  it.for([0.3, 0.75, 0.9])(
    "finds the last concurrency where %f of the next one's requests are good",
    (next) => {
      const share = (last: number) => (load: number) => (load <= last ? 1 : next ** (load - last));
      for (const last of [1, 5])
        expect(streams(share(last))).toMatchObject({
          status: "found",
          ended: "precision",
          estimate: last,
          interval: [last, last],
        });
      // A tenth of 40 streams are four.
      const { status, interval } = streams(share(40));
      expect(status).toBe("found");
      expect(interval?.[0]).toBeLessThanOrEqual(40);
      expect(interval?.[1]).toBeGreaterThanOrEqual(40);
    },
  );

  it("says that one stream misses the target, where only its many probes show it", () => {
    const share = (load: number) => 0.9 ** load;
    const lone = { good: 19, all: 20, seconds: 1, e2eSeconds: 0.1, clientFailed: false };
    const result = drive({ by: "concurrency" }, ({ phase, load, requests }) =>
      phase === "lone" ? lone : { ...lone, good: Math.round(requests * share(load)), all: requests },
    );
    expect(result).toMatchObject({ status: "unmet", estimate: 1, interval: null });
  });

  it("gives a bound where the target is still met at the highest load", () => {
    expect(run(() => 1, { upTo: 50 })).toMatchObject({ status: "at-least", ended: "bound", estimate: 50 });
  });

  it("says that the target is missed at the lowest load", () => {
    expect(run(() => 0.5)).toMatchObject({ status: "unmet", ended: "bound" });
    const lone = drive({}, ({ requests }) => ({
      good: 2,
      all: requests,
      seconds: 1,
      e2eSeconds: 0.1,
      clientFailed: false,
    }));
    expect(lone).toMatchObject({ status: "unmet" });
    expect(lone.probes).toHaveLength(1);
  });

  it("tries a load again that the client failed, and then gives what was met before as a bound", () => {
    const failed: number[] = [];
    const result = drive({}, ({ load, requests }) => {
      if (load > 30) failed.push(load);
      return { good: requests, all: requests, seconds: 1, e2eSeconds: 0.1, clientFailed: load > 30 };
    });
    expect(result).toMatchObject({ status: "at-least", ended: "client", estimate: 20 });
    expect(failed).toEqual([40, 40, 40]);
  });

  it("says so where the share does not fall with the load", () => {
    let n = 0;
    // Above and below the target by turns, whatever the load.
    const result = run(() => (++n % 2 === 0 ? 0.99 : 0.9), { maxRequests: 6000 });
    expect(result).toMatchObject({ status: "not-falling", ended: "requests", interval: null });
  });

  it("ends at its limits of requests and time", () => {
    const few = run(line(37, 20), { precision: 0.001, maxRequests: 3000 });
    expect(few.ended).toBe("requests");
    expect(few.probes.reduce((sum, { requests }) => sum + requests, 0)).toBeLessThanOrEqual(3000);
    expect(run(line(37, 20), { precision: 0.001, maxSeconds: 30 }).ended).toBe("time");
  });
});

const search: CapacitySearchPlan = {
  ...options,
  id: "block-out8",
  block: "block",
  load: { outputTokens: 8 },
};

describe("the probes of a search", () => {
  it("are points of their load and length, a further one of the same a further repetition", () => {
    const placeOf = probePlaces(search);
    const probe: Probe = { phase: "refine", load: 12.5, requests: 240 };
    expect(placeOf(probe)).toMatchObject({
      point: {
        id: "block-out8-r12.5-n240",
        load: { arrival: "poisson", ratePerSecond: 12.5, requests: 240, outputTokens: 8 },
      },
      repetition: 1,
    });
    expect(placeOf(probe).repetition).toBe(2);
    expect(placeOf({ phase: "lone", load: 1, requests: 20 }).point.load).toMatchObject({
      arrival: "closed",
      concurrency: 1,
    });
  });

  it("are asked for again in the same order over what is stored, and end where one is missing", async () => {
    const share = line(37, 20);
    const asked: string[] = [];
    const replay = async (most: number) =>
      await replaySearch(search, { ttftMs: 500 }, async ({ point, repetition }) => {
        if (asked.length === most) return undefined;
        asked.push(`${point.id}/${repetition}`);
        const { load } = point;
        const good = Math.round((load.requests ?? 0) * share(load.ratePerSecond ?? 1));
        return {
          metrics: { goodput: { good, judged: load.requests }, e2eMs: { mean: 100 }, ttftMs: { p50: 10 } },
          verdict: { reasons: [] },
          startedAt: "2026-01-01T00:00:00Z",
          finishedAt: "2026-01-01T00:00:10Z",
        } as unknown as MeasurementSummary;
      });
    const whole = await replay(Number.POSITIVE_INFINITY);
    expect(whole.result.status).toBe("found");
    const all = asked.splice(0);
    const part = await replay(5);
    expect(part.result).toMatchObject({ status: "unfinished", ended: "missing" });
    expect(asked).toEqual(all.slice(0, 5));
  });

  it("fail the client by a lag that is large beside the SLO, not beside a short TTFT", () => {
    const summary = (p99: number) =>
      ({
        metrics: { goodput: { good: 1, judged: 1 }, e2eMs: { mean: 100 } },
        instrument: { scheduleLagMs: { p50: 0, p99, max: p99 } },
        verdict: { reasons: [{ code: "schedule-lag", status: "invalid", text: "", value: 5 }] },
        startedAt: "2026-01-01T00:00:00Z",
        finishedAt: "2026-01-01T00:00:10Z",
      }) as unknown as MeasurementSummary;
    // Beside a limit of 125 ms.
    expect(outcomeOf(summary(50), { ttftMs: 500 }).clientFailed).toBe(false);
    expect(outcomeOf(summary(200), { ttftMs: 500 }).clientFailed).toBe(true);
    expect(outcomeOf(summary(200), { tpotMs: 40 }).clientFailed).toBe(false);
  });
});

it("MISSING ends a search before its first probe too", () => {
  const steps = searchCapacity(options);
  steps.next();
  expect(steps.throw(MISSING).value).toMatchObject({ status: "unfinished", ended: "missing" });
});
