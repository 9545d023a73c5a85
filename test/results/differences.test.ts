import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { findDifferences } from "../../src/results/differences.ts";
import type { Results } from "../../src/results/schema/results.ts";
import { closedPoint, MADE_VARIANTS, type MadeVariant, makeRun } from "../fixtures/make-run.ts";

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const variant = MADE_VARIANTS[2] as MadeVariant;
const named = (name: string, change: Partial<MadeVariant> = {}): MadeVariant => ({
  ...variant,
  variant: name,
  ...change,
});

async function resultsOf(variants: readonly MadeVariant[], models?: readonly string[]): Promise<Results> {
  const folder = await mkdtemp(join(tmpdir(), "llmbench-differences-"));
  folders.push(folder);
  const points = [closedPoint("a", 1, 50, 5), closedPoint("a", 1, 100, 5)];
  return (
    await makeRun(folder, { variants, points, repetitions: 1, ...(models === undefined ? {} : { models }) })
  ).results;
}

describe("cells that did the same work", () => {
  it("have no differences", async () => {
    expect((await resultsOf([named("a"), named("b")])).differences).toEqual([]);
  });
});

describe("cells that did different work are named, with the figures", () => {
  it("weights' precision", async () => {
    const { differences } = await resultsOf([named("a"), named("b", { precision: "Q4_1" })]);
    expect(differences).toEqual([
      {
        kind: "precision",
        text: "a ran weights in bfloat16, b ran weights in Q4_1: fewer bits are less to read for every token.",
        cells: ["a--smollm2-135m", "b--smollm2-135m"],
      },
    ]);
  });

  it("prompt tokens more than 2 % apart", async () => {
    const close = await resultsOf([named("a", { promptTokens: 100 }), named("b", { promptTokens: 102 })]);
    expect(close.differences).toEqual([]);
    const apart = await resultsOf([named("a", { promptTokens: 100 }), named("b", { promptTokens: 103 })]);
    expect(apart.differences.map(({ kind }) => kind)).toEqual(["prompt-tokens"]);
    expect(apart.differences[0]?.text).toContain("a counts 100 prompt tokens, b counts 103 prompt tokens");
  });

  it("output tokens and ends, at the load where they are furthest apart", async () => {
    const { differences } = await resultsOf([named("a"), named("b", { stopsAt: 45 })]);
    expect(differences.map(({ kind }) => kind)).toEqual(["output-tokens", "finish"]);
    expect(differences[0]?.text).toContain("At a-c1-out100, a wrote 100 tokens, b wrote 45 tokens");
    expect(differences[1]?.text).toContain("b ended 0 % of its answers at the length limit");
  });

  it("cached share more than 5 points apart, where both say it", async () => {
    const cached = (tokens?: number) => (tokens === undefined ? {} : { cachedTokens: tokens });
    const of = async (a?: number, b?: number): Promise<string[]> => {
      const base = { promptTokens: 100 };
      const results = await resultsOf([
        named("a", { ...base, ...cached(a) }),
        named("b", { ...base, ...cached(b) }),
      ]);
      return results.differences.map(({ kind }) => kind);
    };
    expect(await of(90, 86)).toEqual([]);
    expect(await of(90, 84)).toEqual(["cached-tokens"]);
    expect(await of(90)).toEqual([]);
  });

  it("cached share by the servers' counters, where no usage says it", async () => {
    const { cells } = await resultsOf([named("a", { promptTokens: 100 }), named("b", { promptTokens: 100 })]);
    const counted = (...shares: readonly number[]) =>
      findDifferences(
        cells.map((cell, i) => ({
          ...cell,
          points: cell.points.map((point) => ({
            ...point,
            measurements: point.measurements.map((measurement) => ({
              ...measurement,
              server: { samples: 2, everyMs: 1000, series: { seconds: [] }, cachedShare: shares[i] ?? 0 },
            })),
          })),
        })),
      ).map(({ kind }) => kind);
    expect(counted(0.9, 0.2)).toEqual(["cached-tokens"]);
    expect(counted(0.9, 0.88)).toEqual([]);
  });

  it("no cached share of a short prompt that comes to less than a token a request", async () => {
    const { cells } = await resultsOf([named("a"), named("b")]);
    const cachedOfFive = (...means: readonly number[]) =>
      findDifferences(
        cells.map((cell, i) => ({
          ...cell,
          points: cell.points.map((point) => ({
            ...point,
            metrics: point.metrics && {
              ...point.metrics,
              tokens: { ...point.metrics.tokens, promptMean: 5, cachedMean: means[i] ?? null },
            },
          })),
        })),
      ).map(({ kind }) => kind);
    expect(cachedOfFive(4, 3.67)).toEqual([]);
    expect(cachedOfFive(4, 0)).toEqual(["cached-tokens"]);
  });

  it("hardware", async () => {
    const { cells } = await resultsOf([named("a"), named("b")]);
    const moved = cells.map((cell, i) => (i === 0 ? cell : { ...cell, hardware: "NVIDIA A10 x1" }));
    expect(findDifferences(moved)).toMatchObject([
      { kind: "hardware", text: expect.stringContaining("b ran on NVIDIA A10 x1") },
    ]);
  });
});

describe("cells of different models", () => {
  it("are not compared", async () => {
    const { cells } = await resultsOf([named("a")], ["small", "large"]);
    const moved = cells.map((cell, i) => (i === 0 ? cell : { ...cell, hardware: "another" }));
    expect(findDifferences(moved)).toEqual([]);
  });
});
