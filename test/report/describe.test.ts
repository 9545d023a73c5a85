import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  describeAmount,
  describeExcess,
  describeLoad,
  formatBytes,
  formatMs,
  formatMsRange,
  formatNumber,
  formatTime,
  joinWords,
  shortLoad,
  simulatedSentence,
} from "../../src/report/describe.ts";

describe("formatNumber", () => {
  it.each([
    [0, "0"],
    [0.0123456, "0.0123"],
    [0.7, "0.700"],
    [1, "1.00"],
    [15.94, "15.9"],
    [99.96, "100"],
    [412.4, "412"],
    [999.6, "1,000"],
    [12_345, "12,300"],
    [1_234_567, "1,230,000"],
    [-15.94, "-15.9"],
  ])("writes %d as %s", (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });

  it.each([null, undefined, Number.NaN, Number.POSITIVE_INFINITY])("writes %s as a dash", (value) => {
    expect(formatNumber(value)).toBe("—");
  });

  it("is never further off than half of its third digit", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), (value) => {
        const shown = Number(formatNumber(value).replaceAll(",", ""));
        return Math.abs(shown - value) <= value * 0.00501;
      }),
    );
  });
});

describe("times and sizes", () => {
  it.each([
    [0.4, "0.400 ms"],
    [412, "412 ms"],
    [999.7, "1.00 s"],
    [1421, "1.42 s"],
    [119_000, "119 s"],
    [125_000, "2 min 5 s"],
  ])("writes %d ms as %s", (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });

  it("writes both ends of a range in one unit", () => {
    expect(formatMsRange(940, 1100)).toBe("0.940–1.10 s");
    expect(formatMsRange(38.9, 47)).toBe("38.9–47.0 ms");
  });

  it("writes a time to the minute in UTC, and leaves what is none as it stands", () => {
    expect(formatTime("2026-11-24T10:41:07.120+02:00")).toBe("2026-11-24 08:41 UTC");
    expect(formatTime("yesterday")).toBe("yesterday");
  });

  it("writes bytes in the largest unit that fits", () => {
    expect(formatBytes(8 * 1024 ** 3)).toBe("8 GiB");
    expect(formatBytes(1536)).toBe("1.5 KiB");
  });
});

describe("loads", () => {
  it("names concurrency and lengths", () => {
    const load = {
      arrival: "closed",
      concurrency: 4,
      outputTokens: 64,
      inputTokens: 512,
      requests: 24,
    } as const;
    expect(describeLoad(load)).toBe("concurrency 4, 64 tokens out, 512 tokens in");
    expect(shortLoad(load)).toBe("c4 · 64 out · 512 in");
    expect(describeAmount(load)).toBe("24 requests");
  });

  it("names a rate as the config states it, with how requests arrive", () => {
    const load = { arrival: "poisson", ratePerSecond: 2.5, outputTokens: 1, durationSeconds: 30 } as const;
    expect(describeLoad(load)).toBe("2.5 requests/s, Poisson, 1 token out");
    expect(shortLoad(load)).toBe("2.5/s Poisson · 1 out");
    expect(describeAmount(load)).toBe("for 30 s");
  });
});

describe("sentences", () => {
  it("says times from one and a half on, else per cent", () => {
    expect(describeExcess(118, 55.9)).toEqual({ times: "2.1 times" });
    expect(describeExcess(31.7, 28.7)).toEqual({ percent: "10 %" });
    expect(describeExcess(123.4, 10)).toEqual({ times: "12.3 times" });
  });

  it("joins a list with its last word", () => {
    expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map((words) => joinWords(words))).toEqual([
      "",
      "a",
      "a and b",
      "a, b and c",
    ]);
  });
});

describe("what is said of simulated numbers", () => {
  it("names the simulated engines where others are real", () => {
    const cells = [
      { variant: "llamacpp", simulated: false },
      { variant: "vllm", simulated: true },
      { variant: "sglang", simulated: true },
      { variant: "vllm", simulated: true },
    ];
    expect(simulatedSentence(cells)).toBe(
      "vllm and sglang are simulated: these figures come from a latency model and say nothing about any real engine.",
    );
    expect(simulatedSentence(cells.slice(1))).toContain("The engines of this run are simulated");
  });
});
