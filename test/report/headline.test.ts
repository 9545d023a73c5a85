import { describe, expect, it } from "vitest";
import { findHeadline } from "../../src/report/headline.ts";
import type { Results } from "../../src/results/schema/results.ts";
import type { Reason } from "../../src/results/schema/verdict.ts";
import { cell, type PointShape, point, results } from "../fixtures/results.ts";
import { abRun, emptyRun, openLoopRun, simulatedRun, troubledRun } from "../fixtures/runs.ts";

interface Shape extends Partial<PointShape> {
  readonly variant: string;
  readonly precision?: string;
  readonly model?: string;
  readonly hardware?: string;
}

/** A run with one point a cell. */
function run(...shapes: readonly Shape[]): Results {
  return results({
    id: "r",
    name: "r",
    cells: shapes.map(({ variant, precision = "Q4_1", model = "m", hardware = "box", ...shape }, i) =>
      cell({
        variant,
        engine: "llamacpp",
        engineVersion: "1",
        model,
        precision,
        hardware,
        points: [
          point({
            block: "b",
            concurrency: 4,
            outputTokens: 64,
            requests: 40,
            ttftMs: 50,
            tpotMs: 20,
            seed: i + 1,
            ...shape,
          }),
        ],
      }),
    ),
  });
}

const invalid: Reason = { code: "failed-requests", status: "invalid", text: "3 of 12 failed." };
const suspect: Reason = { code: "output-length", status: "suspect", text: "31 % off." };

describe("the headline of a comparison", () => {
  it("names model, load and metric, both figures with intervals, and how far they are apart", () => {
    const { kind, sentence } = findHeadline(run({ variant: "slow", tpotMs: 45 }, { variant: "fast" }));
    expect(kind).toBe("ranking");
    expect(sentence).toMatch(
      /^For m at concurrency 4, 64 tokens out, fast served [\d.]+ tokens\/s \(95 % interval [\d.–]+\), 2\.\d times the [\d.]+ \([\d.–]+\) of slow\.$/,
    );
  });

  it("says per cent where the factor is small", () => {
    expect(findHeadline(run({ variant: "a", tpotMs: 22 }, { variant: "b" })).sentence).toMatch(
      /b served .*, 10 % more than the .* of a\./,
    );
  });

  it("says that no difference is shown where intervals overlap", () => {
    const { kind, sentence } = findHeadline(
      run({ variant: "a", spread: 0.2 }, { variant: "b", spread: 0.2, tpotMs: 20.2 }),
    );
    expect(kind).toBe("no-difference");
    expect(sentence).toContain(
      "no difference in throughput is shown between b (190 tokens/s) and a (188 tokens/s), because their 95 % intervals overlap.",
    );
  });

  it("ranks nothing on five requests, however far apart the figures are", () => {
    const { kind, sentence } = findHeadline(
      run(
        { variant: "a", requests: 5, concurrency: 1, tpotMs: 90 },
        { variant: "b", requests: 5, concurrency: 1 },
      ),
    );
    expect(kind).toBe("no-difference");
    expect(sentence).toContain("5 requests each are too few to tell");
  });

  it("takes mean E2E latency where throughput has no interval yet", () => {
    const { kind, sentence } = findHeadline(
      run({ variant: "a", requests: 12, tpotMs: 45 }, { variant: "b", requests: 12 }),
    );
    expect(kind).toBe("ranking");
    expect(sentence).toMatch(
      /b answered in 1\.\d+ s on average \(95 % interval [\d.–]+ s\), and a took 2\.\d times as long: [\d.]+ s \(/,
    );
  });

  it("refuses to rank different work where the comparison is strict, and says what differs", () => {
    const strict = run({ variant: "a", precision: "bfloat16", tpotMs: 45 }, { variant: "b" });
    strict.run.plan.strict = true;
    expect(findHeadline(strict)).toEqual({
      kind: "refused",
      sentence:
        "Not ranked, since the variants did different work (precision of the weights: Q4_1 for b and bfloat16 for a) and the comparison is strict. Every figure is below.",
    });
    const same = run({ variant: "a", tpotMs: 45 }, { variant: "b" });
    same.run.plan.strict = true;
    expect(findHeadline(same).kind).toBe("ranking");
  });

  it("says what differs in the work before it ranks", () => {
    const { kind, sentence } = findHeadline(
      run({ variant: "a", precision: "bfloat16", tpotMs: 45 }, { variant: "b" }),
    );
    expect(kind).toBe("ranking");
    expect(sentence).toMatch(
      /^The variants did different work \(precision of the weights: Q4_1 for b and bfloat16 for a\), so this is not like for like: for m at /,
    );
  });

  it("does not take one word in two cases for two precisions", () => {
    expect(
      findHeadline(run({ variant: "a", precision: "BF16", tpotMs: 45 }, { variant: "b", precision: "bf16" }))
        .sentence,
    ).toMatch(/^For m/);
  });

  it("says that the hardware differs, and on which each variant ran", () => {
    const { sentence } = findHeadline(
      run({ variant: "a", hardware: "A10", tpotMs: 45 }, { variant: "a", hardware: "H100" }),
    );
    expect(sentence).toMatch(
      /^The variants did different work \(hardware\).*a on H100 served .* of a on A10\.$/,
    );
  });

  it("names other differences that the results found between what it compares", () => {
    const compared = run({ variant: "a", tpotMs: 45 }, { variant: "b" });
    compared.differences = [{ kind: "output-tokens", text: "…", cells: ["a--m", "b--m"] }];
    expect(findHeadline(compared).sentence).toContain("(output length in tokens)");
    compared.differences = [{ kind: "output-tokens", text: "…", cells: ["a--m", "c--m"] }];
    expect(findHeadline(compared).sentence).not.toContain("output length");
  });

  it("never ranks what is invalid, and says that it is left out", () => {
    const { kind, sentence } = findHeadline(
      run({ variant: "a", reasons: [invalid] }, { variant: "b" }, { variant: "c", tpotMs: 40 }),
    );
    expect(kind).toBe("ranking");
    expect(sentence).toMatch(/b served .* of c; a is left out because its measurement is invalid\.$/);
  });

  it("compares nothing when all but one are invalid", () => {
    const { kind, sentence } = findHeadline(
      run({ variant: "a", reasons: [invalid], tpotMs: 1 }, { variant: "b" }),
    );
    expect(kind).toBe("single");
    expect(sentence).toMatch(
      /b served .*, with nothing to compare it with; a is left out because its measurement is invalid\.$/,
    );
  });

  it("says that a figure it uses is suspect", () => {
    expect(
      findHeadline(run({ variant: "a", reasons: [suspect], tpotMs: 45 }, { variant: "b" })).sentence,
    ).toMatch(/; the figure of a is suspect\.$/);
  });

  it("separates those that lead together from those below", () => {
    const { kind, sentence } = findHeadline(
      run(
        { variant: "a", spread: 0.2 },
        { variant: "b", spread: 0.2, tpotMs: 20.2 },
        { variant: "c", tpotMs: 60 },
      ),
    );
    expect(kind).toBe("ranking");
    expect(sentence).toMatch(
      /no difference in throughput is shown between b \(.*, while c served less than b\.$/,
    );
  });

  it("names the next of several", () => {
    expect(
      findHeadline(run({ variant: "a" }, { variant: "b", tpotMs: 40 }, { variant: "c", tpotMs: 60 }))
        .sentence,
    ).toMatch(/of b, the next of 3\.$/);
  });

  it("prefers a load with intervals to a heavier one without", () => {
    const both = run({ variant: "a", tpotMs: 45 }, { variant: "b" });
    for (const each of both.cells) {
      each.points.push(
        point({ block: "b", concurrency: 8, outputTokens: 64, requests: 5, ttftMs: 50, tpotMs: 20, seed: 9 }),
      );
    }
    expect(findHeadline(both).sentence).toContain("at concurrency 4,");
  });

  it("never sets a cell against another of a different model", () => {
    const { kind, sentence } = findHeadline(
      run({ variant: "a", model: "x", tpotMs: 45 }, { variant: "a", model: "y" }),
    );
    expect(kind).toBe("single");
    expect(sentence).toMatch(
      /^At concurrency 4, 64 tokens out, for x, a served .*; for y, a served .*nothing to compare it with\.$/,
    );
  });

  it("counts leads where there are many models", () => {
    const shapes = ["p", "q", "r", "s"].flatMap((model) => [
      { variant: "a", model, tpotMs: model === "p" ? 20 : 45, spread: model === "p" ? 0.3 : 0.03 },
      { variant: "b", model, spread: model === "p" ? 0.3 : 0.03 },
    ]);
    expect(findHeadline(run(...shapes)).sentence).toBe(
      "Of 4 models, each at its most telling load, b leads on 3 and no difference is shown on 1.",
    );
  });
});

describe("the headline of other runs", () => {
  it("says what one cell did, without a ranking", () => {
    expect(findHeadline(run({ variant: "a" })).kind).toBe("single");
    expect(findHeadline(openLoopRun()).sentence).toBe(
      "For gpt-x at 8 requests/s, Poisson, 128 tokens out, 512 tokens in, endpoint answered in 3.01 s on average (95 % interval 3.00–3.02 s), with nothing to compare it with.",
    );
  });

  it("begins with the word simulated where engines are simulated", () => {
    expect(findHeadline(simulatedRun()).sentence).toMatch(
      /^Simulated engines, not real ones: at concurrency 16/,
    );
  });

  it("gives the failed cell's code", () => {
    expect(findHeadline(troubledRun()).sentence).toContain(
      "sglang is left out because it failed (SERVER_DIED)",
    );
  });

  it("says that nothing was measured, and why", () => {
    expect(findHeadline(emptyRun())).toEqual({
      kind: "nothing",
      sentence: "Nothing was measured: the run has no cells.",
    });
    const failed = run({ variant: "a" });
    for (const each of failed.cells)
      Object.assign(each, { points: [], status: "failed", error: { code: "PORT_TAKEN", message: "…" } });
    expect(findHeadline(failed).sentence).toBe("Nothing was measured: a--m failed (PORT_TAKEN).");
  });

  it("says that all measurements are invalid rather than show one", () => {
    const { kind, sentence } = findHeadline(
      run({ variant: "a", reasons: [invalid] }, { variant: "b", reasons: [invalid], empty: true }),
    );
    expect(kind).toBe("nothing");
    expect(sentence).toBe(
      "No valid measurement: every point that was measured is invalid (failed-requests).",
    );
  });
});

describe("The headline of an A/B", () => {
  it("is what its pairs show, not what intervals of requests do", () => {
    const run = abRun();
    expect(findHeadline(run)).toEqual({ kind: "ranking", sentence: run.ab?.sentence });
    expect(run.ab?.sentence).toMatch(
      /^llamacpp-4slots against llamacpp-1slot, 8 comparisons of 6 pairs: better in 6 \(/,
    );
  });

  it("begins with what else differed between the two", () => {
    const run = abRun();
    const second = run.cells[1];
    if (second !== undefined) second.model = { ...second.model, precision: "F16" };
    expect(findHeadline(run).sentence).toMatch(
      /^The variants did different work \(precision of the weights: .*\), so this is not like for like: llamacpp-4slots/,
    );
  });

  it("ranks nothing before all pairs are measured", () => {
    const run = abRun();
    const unfinished = {
      ...run,
      ab: run.ab && { ...run.ab, comparisons: [], sentence: "Not compared yet." },
    };
    expect(findHeadline(unfinished as Results)).toEqual({ kind: "nothing", sentence: "Not compared yet." });
  });
});
