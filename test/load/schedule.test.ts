import { describe, expect, it } from "vitest";
import { createRandom, shuffle } from "../../src/load/random.ts";
import type { LoadSetting } from "../../src/load/record.ts";
import { arrivals, checkLoad, rampUs, streamStarts } from "../../src/load/schedule.ts";

const poisson: LoadSetting = { arrival: "poisson", ratePerSecond: 50, requests: 100, outputTokens: 8 };

function take(load: LoadSetting, seed: number, count: number): number[] {
  const times: number[] = [];
  for (const at of arrivals(load, seed)) {
    times.push(at);
    if (times.length === count) break;
  }
  return times;
}

describe("random numbers", () => {
  it("are sfc32's, as a second implementation made them, in every version", () => {
    const random = createRandom(42);
    expect(Array.from({ length: 4 }, () => random.next() * 2 ** 32)).toEqual([
      3_264_830_480, 3_866_967_580, 2_217_849_601, 422_238_379,
    ]);
  });

  it("differ between seeds and between streams of a seed", () => {
    const first = [1, 2, 2 ** 32 + 1, -1].map((seed) => createRandom(seed).next());
    const streams = ["", "arrivals", "input words"].map((stream) => createRandom(1, stream).next());
    expect(new Set([...first, ...streams.slice(1)]).size).toBe(6);
  });

  it("are uniform and exponential", () => {
    const random = createRandom(7);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let k = 0; k < 20_000; k++) {
      const place = random.below(10);
      counts[place] = (counts[place] ?? 0) + 1;
    }
    // Chi-squared with 9 degrees of freedom: 27.9 is its 99.9 % point.
    expect(counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0)).toBeLessThan(27.9);
    const draws = Array.from({ length: 20_000 }, () => random.exponential());
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
    const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length;
    expect(Math.abs(mean - 1)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.1);
  });

  it("shuffle every item to every place", () => {
    const random = createRandom(3);
    const seen = new Set<string>();
    for (let k = 0; k < 400; k++) seen.add(shuffle(["a", "b", "c", "d"], random).join(""));
    expect(seen.size).toBe(24);
  });
});

describe("arrivals", () => {
  it("at a constant rate are evenly spaced from the start", () => {
    const load: LoadSetting = { arrival: "constant", ratePerSecond: 8, requests: 5, outputTokens: 8 };
    expect(take(load, 1, 5)).toEqual([0, 125_000, 250_000, 375_000, 500_000]);
  });

  it("of a seed are always the same", () => {
    expect(take(poisson, 1, 3).map((at) => Math.round(at))).toEqual(firstOfSeed1);
    expect(take(poisson, 1, 50)).toEqual(take(poisson, 1, 50));
    expect(take(poisson, 2, 50)).not.toEqual(take(poisson, 1, 50));
  });

  it("of a Poisson process keep their spread: the last of 100 is not pulled to 100 / rate", () => {
    const ends = Array.from({ length: 400 }, (_, seed) => (take(poisson, seed, 100).at(-1) ?? 0) / 1e6);
    const mean = ends.reduce((sum, end) => sum + end, 0) / ends.length;
    const deviation = Math.sqrt(ends.reduce((sum, end) => sum + (end - mean) ** 2, 0) / ends.length);
    // Sum of 100 exponentials of mean 20 ms: 2 s with a deviation of 0.2 s.
    expect(mean).toBeGreaterThan(1.97);
    expect(mean).toBeLessThan(2.03);
    expect(deviation).toBeGreaterThan(0.18);
    expect(deviation).toBeLessThan(0.22);
  });
});

const firstOfSeed1 = [15_546, 86_849, 89_972];

describe("a closed loop's streams", () => {
  it("start spread over one request", () => {
    expect(streamStarts(4, 200)).toEqual([0, 50_000, 100_000, 150_000]);
    expect(streamStarts(3, 0)).toEqual([0, 0, 0]);
  });
});

describe("the ramp of an open loop", () => {
  it("is a tenth of the point, or one request where that is longer", () => {
    expect(rampUs({ ...poisson, durationSeconds: 30 }, 100)).toBe(3_000_000);
    expect(rampUs(poisson, 100)).toBe(200_000);
    expect(rampUs(poisson, 900)).toBe(900_000);
  });
});

describe("a load that cannot be made", () => {
  it.each<[string, LoadSetting]>([
    ["a closed loop without a concurrency", { arrival: "closed", requests: 5, outputTokens: 8 }],
    ["half a stream", { arrival: "closed", concurrency: 0.5, requests: 5, outputTokens: 8 }],
    [
      "a closed loop with a rate",
      { arrival: "closed", concurrency: 1, ratePerSecond: 1, requests: 5, outputTokens: 8 },
    ],
    ["an open loop without a rate", { arrival: "poisson", requests: 5, outputTokens: 8 }],
    ["an open loop with a concurrency", { ...poisson, concurrency: 4 }],
    ["no end", { arrival: "closed", concurrency: 1, outputTokens: 8 }],
    ["no request", { arrival: "closed", concurrency: 1, requests: 0, outputTokens: 8 }],
    [
      "a duration that is not one",
      { arrival: "closed", concurrency: 1, durationSeconds: -1, outputTokens: 8 },
    ],
    ["a cap of nothing", { ...poisson, maxConcurrency: 0 }],
  ])("%s is refused", (_what, load) => {
    expect(() => checkLoad(load)).toThrow(expect.objectContaining({ code: "LOAD_SETTING" }) as Error);
  });

  it("is told from one that can", () => {
    const closed: LoadSetting = { arrival: "closed", concurrency: 4, requests: 5, outputTokens: 8 };
    expect(() => checkLoad(closed)).not.toThrow();
    expect(() => checkLoad({ ...poisson, maxConcurrency: 8, durationSeconds: 4 })).not.toThrow();
  });
});
