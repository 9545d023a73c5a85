import { describe, expect, it } from "vitest";
import { abOfConfig } from "../../src/cli/ab-plan.ts";
import { LlmbenchError } from "../../src/error.ts";
import { planOf } from "../config/problems.ts";

const two = ["engines: { one: { kind: llamacpp }, four: { kind: llamacpp, settings: { threads: 1 } } }"];
const model = ["models: { m: { path: m.gguf } }"];
const blocks = ["load: { repetitions: 3, blocks: [{ name: b, outputTokens: [8, 16], repetitions: 2 }] }"];

const design = async (lines: readonly string[], pairs?: number) =>
  abOfConfig(await planOf(lines), "x.yaml", pairs);

/** The error with which a config is refused. */
async function refusal(lines: readonly string[], files?: Readonly<Record<string, string>>) {
  const plan = await planOf(lines, files);
  try {
    abOfConfig(plan, "x.yaml", undefined);
  } catch (error) {
    if (error instanceof LlmbenchError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("The plan of an A/B", () => {
  it("has each point once a block, six pairs, and as many AB as BA", async () => {
    const { plan, design: drawn } = await design([...two, ...model, ...blocks]);
    expect(drawn).toMatchObject({ a: "one--m", b: "four--m", servers: "one" });
    expect([...drawn.orders].sort()).toEqual(["AB", "AB", "AB", "BA", "BA", "BA"]);
    for (const cell of plan.cells) {
      expect(cell.repetitions).toBe(6);
      expect(cell.points.map(({ repetitions }) => repetitions)).toEqual([undefined, undefined]);
      expect(cell.order).toHaveLength(6);
      expect(cell.order).toEqual(plan.cells[0]?.order);
    }
  });

  it("draws the same order from the same seed, and others from others", async () => {
    const orders = async (seed: number) =>
      (await design([...two, ...model, `load: { seed: ${seed} }`], 12)).design.orders.join("");
    expect(await orders(1)).toBe(await orders(1));
    expect(new Set(await Promise.all([1, 2, 3, 4].map(orders))).size).toBeGreaterThan(1);
  });

  it("has one more of either order where the number of pairs is odd", async () => {
    for (const seed of [1, 2, 3, 4]) {
      const { design: drawn } = await design([...two, ...model, `load: { seed: ${seed} }`], 7);
      const first = drawn.orders.filter((order) => order === "AB").length;
      expect([3, 4]).toContain(first);
    }
  });

  it("compares with the baseline", async () => {
    const { design: drawn } = await design([...two, ...model, "baseline: four"]);
    expect(drawn).toMatchObject({ a: "four--m", b: "one--m" });
  });

  it("keeps both servers up where the config says so, and takes as many pairs as it says", async () => {
    const { design: drawn } = await design([...two, ...model, "ab: { resident: both, pairs: 9 }"]);
    expect(drawn.servers).toBe("both");
    expect(drawn.orders).toHaveLength(9);
  });

  it("shares a server between variants that differ in load alone, and never between two that are the same", async () => {
    const same = ["engines: { x: { kind: llamacpp }, y: { kind: llamacpp } }", ...model];
    const load = ["cells: { overrides: [{ engine: y, load: { temperature: 1 } }] }"];
    expect((await design([...same, ...load])).design.servers).toBe("shared");
    expect((await design(same)).design.servers).toBe("one");
  });
});

describe("A config that is no A/B", () => {
  it.each<[string, readonly string[], string]>([
    [
      "of one variant",
      ["engines: { llamacpp: }", ...model],
      "ab compares two variants of one model, and this has 1 cell.",
    ],
    [
      "of three variants",
      ["engines: { a: { kind: llamacpp }, b: { kind: llamacpp }, c: { kind: llamacpp } }", ...model],
      "and this has 3 cells.",
    ],
    [
      "of two models",
      [
        "engines: { llamacpp: , x: { kind: llamacpp } }",
        "models: { m: { path: m.gguf }, n: { path: n.gguf } }",
        "cells: { exclude: [{ engine: x, model: m }, { engine: llamacpp, model: n }] }",
      ],
      "and these serve different ones.",
    ],
    [
      "whose loads have no counterparts",
      [
        ...two,
        ...model,
        "cells: { overrides: [{ engine: four, load: { blocks: [{ name: b, concurrency: [1, 2], outputTokens: 8 }] } }] }",
        "load: { blocks: [{ name: b, outputTokens: 8 }] }",
      ],
      "the two have 1 and 2 points",
    ],
  ])("is refused, with what there is: one %s", async (_what, lines, said) => {
    const error = await refusal(lines);
    expect(error.code).toBe("AB_NOT_TWO");
    expect(error.exitStatus).toBe(2);
    expect(error.message).toContain(said);
    expect(error.details[0]).toMatch(/^there is: \w+ with m$/);
    expect(error.hint).toBeDefined();
  });
});
