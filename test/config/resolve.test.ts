import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Plan } from "../../src/config/plan.ts";
import { defaultProfile } from "../../src/simulator/profiles.ts";
import { planOf, shortest } from "./problems.ts";

const ids = (plan: Plan) => plan.cells.map(({ id }) => id);
const pointIds = (plan: Plan, cell = 0) => plan.cells[cell]?.points.map(({ id }) => id);

describe("A config that says the least", () => {
  it("is the protocol of the seed project, with every default in the plan", async () => {
    const plan = await planOf(shortest);
    expect(Plan.parse(plan)).toEqual(plan);
    expect({ ...plan, source: undefined }).toEqual({
      schemaVersion: 1,
      name: "x",
      seed: 1,
      failOn: "invalid",
      source: undefined,
      cells: [
        {
          id: "llamacpp--m",
          variant: "llamacpp",
          engine: "llamacpp",
          model: { id: "m", path: expect.stringMatching(/^\/.*\/m\.gguf$/) },
          server: {
            kind: "process",
            settings: {},
            args: [],
            env: {},
            secretEnv: [],
            startTimeoutSeconds: 300,
            stopTimeoutSeconds: 15,
          },
          request: {
            api: "completions",
            prompt: { kind: "text", text: "Explain quantum computing in detail" },
            temperature: 0,
            forceOutputLength: true,
            timeoutSeconds: 300,
            serverMetricsSeconds: 1,
            extraBody: {},
            saveText: false,
          },
          warmupRequests: 3,
          repetitions: 1,
          points: [32, 64, 128, 256, 512].map((outputTokens) => ({
            id: `seed-protocol-c1-out${outputTokens}`,
            block: "seed-protocol",
            load: { arrival: "closed", concurrency: 1, outputTokens, requests: 5 },
          })),
        },
      ],
    });
  });

  it("is the same with its empty sections spelt out", async () => {
    const short = await planOf(shortest);
    const long = await planOf([...shortest, "load:", "cells:", "slos:"]);
    expect({ ...long, source: null, cells: long.cells.map((cell) => ({ ...cell, model: null })) }).toEqual({
      ...short,
      source: null,
      cells: short.cells.map((cell) => ({ ...cell, model: null })),
    });
  });

  it("records which file it was made from", async () => {
    const text = `${shortest.join("\n")}\n`;
    const { source } = await planOf(text);
    expect(source?.sha256).toBe(createHash("sha256").update(text).digest("hex"));
    expect(source?.file).toMatch(/x\.yaml$/);
  });
});

describe("The matrix", () => {
  const four = ["engines: { vllm: , sglang: }", "models: { a: { path: /a }, b: { path: /b } }"];

  it("goes model by model, variants in the order of the file", async () => {
    expect(ids(await planOf(four))).toEqual(["vllm--a", "sglang--a", "vllm--b", "sglang--b"]);
  });

  it("leaves out what is excluded", async () => {
    const plan = await planOf([...four, "cells: { exclude: [{ engine: vllm, model: b }] }"]);
    expect(ids(plan)).toEqual(["vllm--a", "sglang--a", "sglang--b"]);
    expect(ids(await planOf([...four, "cells: { exclude: [{ model: a }] }"]))).toEqual([
      "vllm--b",
      "sglang--b",
    ]);
  });

  it("takes the kind of a variant from its name, unless it says another", async () => {
    const plan = await planOf([
      "engines: { vllm: { kind: sglang }, tgi: { simulated: true } }",
      four[1] ?? "",
    ]);
    expect(plan.cells.map(({ engine }) => engine)).toEqual(["sglang", "tgi", "sglang", "tgi"]);
  });
});

describe("An override", () => {
  const base = [
    "engines:",
    "  vllm:",
    "    settings: { dtype: bfloat16, contextLength: 2048 }",
    "    args: [--a]",
    "    env: { ONE: 1, TWO: 2 }",
    "    startTimeout: 1m",
    "models:",
    "  m: { package: smollm2-135m, precision: Q4_1 }",
    "load:",
    "  prompt: Hello",
    "  warmup: 1",
    "  body: { top_p: 0.5, top_k: 3 }",
    "  blocks: [{ name: base, outputTokens: 8 }]",
  ];
  const cellOf = async (...lines: string[]) => {
    const plan = await planOf([...base, "cells:", "  overrides:", ...lines.map((line) => `    ${line}`)]);
    const [cell] = plan.cells;
    if (cell?.server.kind !== "process") throw new Error("no process");
    return { ...cell, server: cell.server };
  };

  it("merges mappings key by key and replaces everything else", async () => {
    const cell = await cellOf(
      "- engine: vllm",
      "  settings: { contextLength: 4096 }",
      "  args: [--b]",
      "  env: { TWO: two, THREE: 3 }",
      "  load: { warmup: 0, body: { top_k: 9 } }",
    );
    expect(cell.server.settings).toEqual({ dtype: "bfloat16", contextLength: 4096 });
    expect(cell.server.args).toEqual(["--b"]);
    expect(cell.server.env).toEqual({ ONE: "1", TWO: "two", THREE: "3" });
    expect(cell.server.startTimeoutSeconds).toBe(60);
    expect(cell.warmupRequests).toBe(0);
    expect(cell.request.extraBody).toEqual({ top_p: 0.5, top_k: 9 });
    expect(cell.request.prompt).toEqual({ kind: "text", text: "Hello" });
    expect(cell.points.map(({ id }) => id)).toEqual(["base-c1-out8"]);
  });

  it("wins over the ones before it", async () => {
    const cell = await cellOf(
      "- { model: m, settings: { dtype: float16 }, precision: BF16, load: { warmup: 5 } }",
      "- { engine: vllm, settings: { dtype: auto }, load: { repetitions: 4 } }",
    );
    expect(cell.server.settings.dtype).toBe("auto");
    expect(cell.model.precision).toBe("BF16");
    expect(cell.warmupRequests).toBe(5);
    expect(cell.repetitions).toBe(4);
  });

  it("changes only the cells that it is about", async () => {
    const plan = await planOf([
      "engines: { vllm: , sglang: }",
      "models: { a: { path: /a }, b: { path: /b } }",
      "cells: { overrides: [{ engine: sglang, model: b, startTimeout: 7s }] }",
    ]);
    expect(
      plan.cells.map(({ server }) => server.kind === "process" && server.startTimeoutSeconds === 7),
    ).toEqual([false, false, false, true]);
  });

  it("puts a path in the place of a package, and a package in that of a path", async () => {
    const cell = await cellOf("- { model: m, path: /models/m }");
    expect(cell.model).toEqual({ id: "m", path: "/models/m", precision: "Q4_1" });
    const again = await cellOf("- { model: m, path: /models/m }", "- { model: m, package: smollm2-135m }");
    expect(again.model).toEqual({ id: "m", package: "smollm2-135m", precision: "Q4_1" });
  });

  it("puts a data set in the place of a prompt", async () => {
    const plan = await planOf(
      [...base, "cells:", "  overrides:", "    - { model: m, load: { dataset: p.jsonl } }"],
      { "p.jsonl": "hello\n" },
    );
    expect(plan.cells[0]?.request.prompt).toEqual({
      kind: "dataset",
      path: expect.stringMatching(/^\/.*\/p\.jsonl$/),
      sha256: createHash("sha256").update("hello\n").digest("hex"),
    });
  });
});

describe("The points of a block", () => {
  const pointsOf = async (block: string) => {
    const plan = await planOf([...shortest, `load: { blocks: [${block}] }`]);
    return plan.cells[0]?.points ?? [];
  };

  it("are all combinations, the output length changing fastest", async () => {
    const points = await pointsOf(
      "{ name: b, concurrency: [1, 4], inputTokens: [16, 32], outputTokens: [8, 64] }",
    );
    expect(points.map(({ id }) => id)).toEqual([
      "b-c1-out8-in16",
      "b-c1-out64-in16",
      "b-c1-out8-in32",
      "b-c1-out64-in32",
      "b-c4-out8-in16",
      "b-c4-out64-in16",
      "b-c4-out8-in32",
      "b-c4-out64-in32",
    ]);
    expect(points[5]).toEqual({
      id: "b-c4-out64-in16",
      block: "b",
      load: { arrival: "closed", concurrency: 4, inputTokens: 16, outputTokens: 64, requests: 12 },
    });
  });

  it("have at least 12 requests, or 6 a user, where the block says so", async () => {
    const points = await pointsOf(
      "{ name: b, concurrency: [1, 2, 4], outputTokens: 64, requests: { atLeast: 12, perUser: 6 } }",
    );
    expect(points.map(({ load }) => load.requests)).toEqual([12, 12, 24]);
  });

  it("have a number of requests for the measuring window of each concurrency, where the block says none", async () => {
    const points = await pointsOf("{ name: b, concurrency: [1, 2, 64], outputTokens: 64 }");
    expect(points.map(({ load }) => load.requests)).toEqual([5, 6, 192]);
  });

  it("arrive by chance at a rate, with a cap on those in flight", async () => {
    const points = await pointsOf("{ name: b, rate: [0.5, 2], outputTokens: 64, duration: 1.5m }");
    expect(points).toEqual(
      [0.5, 2].map((ratePerSecond) => ({
        id: `b-r${ratePerSecond}-poisson-out64`,
        block: "b",
        load: {
          arrival: "poisson",
          ratePerSecond,
          maxConcurrency: 512,
          outputTokens: 64,
          durationSeconds: 90,
        },
      })),
    );
  });

  it("may have repetitions of their own", async () => {
    const [point] = await pointsOf("{ name: b, outputTokens: 64, repetitions: 3 }");
    expect(point?.repetitions).toBe(3);
  });

  it("are measured in an order that is drawn for each repetition, the same in each cell", async () => {
    const load = (seed: number) =>
      `load: { seed: ${seed}, repetitions: 8, blocks: [{ name: a, outputTokens: [8, 16, 32, 64] }, { name: b, outputTokens: 8, repetitions: 2 }] }`;
    const planned = async (seed: number) =>
      planOf([
        "engines: { vllm: { simulated: true }, tgi: { simulated: true } }",
        "models: { m: { path: m } }",
        load(seed),
      ]);
    const { cells } = await planned(1);
    const points = cells[0]?.points.map(({ id }) => id) ?? [];
    const order = cells[0]?.order ?? [];
    expect(order).toHaveLength(8);
    for (const [index, drawn] of order.entries())
      expect([...drawn].sort()).toEqual((index < 2 ? points : points.slice(0, 4)).toSorted());
    expect(new Set(order.slice(2).map((drawn) => drawn.join())).size).toBeGreaterThan(3);
    expect(cells[1]?.order).toEqual(order);
    expect((await planned(1)).cells[0]?.order).toEqual(order);
    expect((await planned(2)).cells[0]?.order).not.toEqual(order);
  });

  it("stand in the order of the config where each is measured once", async () => {
    expect((await planOf(shortest)).cells[0]?.order).toBeUndefined();
  });

  it("have ids that are unique in a cell and good file names", async () => {
    const plan = await planOf([
      ...shortest,
      "load:",
      "  blocks:",
      "    - { name: a, concurrency: [1, 2] }",
      "    - { name: a-c1, concurrency: [1, 2] }",
      "    - { name: A.b_c, rate: [0.001, 99999.5], requests: 3, inputTokens: [1, 100000] }",
    ]);
    const found = pointIds(plan) ?? [];
    expect(new Set(found.map((id) => id.toLowerCase())).size).toBe(found.length);
    for (const id of [...found, ...ids(plan)]) expect(id).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$/);
    expect(found.length).toBe(10 + 10 + 20);
  });
});

describe("A simulated engine", () => {
  const serverOf = async (engine: string) => {
    const plan = await planOf([`engines: { vllm: ${engine}, sglang: ${engine} }`, "models: { m: }"]);
    return plan.cells.map(({ server }) => {
      if (server.kind !== "simulated") throw new Error("not simulated");
      return server;
    });
  };

  it("has the stock profile of its kind, and a seed of its own that is always the same", async () => {
    const [vllm, sglang] = await serverOf("{ simulated: true }");
    expect(vllm?.profile).toEqual(defaultProfile("vllm"));
    expect(sglang?.profile).toEqual(defaultProfile("sglang"));
    expect(vllm?.seed).not.toBe(sglang?.seed);
    expect(await serverOf("{ simulated: true }")).toEqual([vllm, sglang]);
  });

  it("takes from the config what differs, and its largest batch from the settings", async () => {
    const [plain] = await serverOf("{ simulated: { decodeMs: 8 } }");
    expect(plain?.profile).toEqual({ ...defaultProfile("vllm"), decodeMs: 8 });
    const [settings] = await serverOf("{ simulated: true, settings: { maxConcurrentRequests: 4 } }");
    expect(settings?.profile.maxBatch).toBe(4);
    const [both] = await serverOf("{ simulated: { maxBatch: 2 }, settings: { maxConcurrentRequests: 4 } }");
    expect(both?.profile.maxBatch).toBe(2);
  });

  it("is a real one again where simulated is false", async () => {
    const plan = await planOf(["engines: { vllm: { simulated: false } }", "models: { m: { path: /m } }"]);
    expect(plan.cells[0]?.server.kind).toBe("process");
  });
});

describe("Paths and commands", () => {
  const processOf = async (process: string, args = "[]") => {
    const plan = await planOf([
      `engines: { vllm: { args: ${args}, process: ${process} } }`,
      "models: { m: { path: ~/m } }",
    ]);
    const [cell] = plan.cells;
    if (cell?.server.kind !== "process") throw new Error("no process");
    return { ...cell.server, model: cell.model.path, folder: plan.source?.file.replace("/x.yaml", "") };
  };

  it("are relative to the config, or to the home folder", async () => {
    const server = await processOf("{ venv: ~/venv, checkout: ../vllm, cwd: . }");
    expect(server.model).toBe("/home/me/m");
    expect(server.process).toEqual({
      venv: "/home/me/venv",
      checkout: expect.stringMatching(/^\/.*\/vllm$/),
      cwd: server.folder,
    });
    expect(server.process?.checkout).not.toContain("..");
  });

  it("leave a bare program to PATH, and make one with a slash absolute", async () => {
    expect((await processOf("{ command: vllm serve }")).process?.command).toEqual(["vllm", "serve"]);
    expect((await processOf("{ command: [~/bin/vllm, ~/x, ./y] }")).process?.command).toEqual([
      "/home/me/bin/vllm",
      "/home/me/x",
      "./y",
    ]);
    const server = await processOf("{ command: ./start.sh -v }");
    expect(server.process?.command).toEqual([`${server.folder}/start.sh`, "-v"]);
  });

  it("split one line into words, and turn numbers into text", async () => {
    expect((await processOf("{}", `'--a "b c" --d=''e'' f\\ g'`)).args).toEqual([
      "--a",
      "b c",
      "--d=e",
      "f g",
    ]);
    expect((await processOf("{}", "[--max-num-seqs, 64]")).args).toEqual(["--max-num-seqs", "64"]);
  });

  it("keep numbers that are text as the file spells them", async () => {
    const { args } = await processOf("{ command: [serve, 1.0] }", "[--share, 0.90, 1_0]");
    expect(args).toEqual(["--share", "0.90", "1_0"]);
    const plan = await planOf([
      "engines: { a: { kind: vllm, env: &e { UMASK: 0022, ON: True } }, b: { kind: vllm, env: *e } }",
      "models: { m: { path: /m } }",
    ]);
    for (const { server } of plan.cells) expect(server).toMatchObject({ env: { UMASK: "0022", ON: "True" } });
  });

  it("leave no process in the plan where the config says nothing of it", async () => {
    expect((await processOf("{}")).process).toBeUndefined();
  });
});

describe("What a config says of a whole run", () => {
  it("gives each point its block's cache contract, else that of the load, else none of its own", async () => {
    const plan = await planOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  cache: cold",
      "  blocks:",
      "    - { name: a }",
      "    - { name: b, cache: warm, inputTokens: 64 }",
      "    - { name: c, cache: shared-prefix:0.5, inputTokens: 64 }",
    ]);
    const ofBlock = (block: string) =>
      plan.cells[0]?.points.find((point) => point.block === block)?.load.cache;
    expect(["a", "b", "c"].map(ofBlock)).toEqual(["cold", "warm", "shared-prefix:0.5"]);
  });

  it("is in the plan in the plan's units", async () => {
    const plan = await planOf([
      ...shortest,
      "name: my-run",
      "description: Why not",
      "slos: { ttft: 0.5s, tpot: 50ms, e2e: 1m }",
      "failOn: never",
      "baseline: llamacpp",
      "load: { seed: 7, timeout: 1h, serverMetrics: off, saveText: true, api: chat }",
    ]);
    expect(plan).toMatchObject({
      name: "my-run",
      description: "Why not",
      slos: { ttftMs: 500, tpotMs: 50, e2eMs: 60_000 },
      failOn: "never",
      baseline: "llamacpp",
      seed: 7,
    });
    expect(plan.cells[0]?.request).toMatchObject({ timeoutSeconds: 3600, saveText: true, api: "chat" });
    expect(plan.cells[0]?.request).not.toHaveProperty("serverMetricsSeconds");
  });

  it("has no SLOs where the section is empty", async () => {
    expect((await planOf([...shortest, "slos: {}"])).slos).toBeUndefined();
  });
});
