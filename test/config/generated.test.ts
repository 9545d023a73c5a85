import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { initConfig } from "../../src/config/init.ts";
import { configJsonSchema, keysAt } from "../../src/config/json-schema.ts";
import { type CellPlan, Plan } from "../../src/config/plan.ts";
import { readPlan } from "../../src/config/read-plan.ts";
import { insertKeyTables } from "../../src/config/reference.ts";
import { packagedModels } from "../../src/engines/packages.ts";
import { planOf, shortest } from "./problems.ts";

// What is made from the schema is checked in. To make it anew: npx vitest run --project fast test/config/generated -u
const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(`${root}docs/configuration.md`, "utf8");
const names = readdirSync(`${root}configs`).filter((name) => name.endsWith(".yaml"));
const validate = new Ajv({
  strict: true,
  allErrors: true,
  strictTypes: false,
  strictRequired: false,
}).compile(configJsonSchema());

/** Errors that an editor would show for a config. */
function editorErrors(text: string): string[] {
  return validate(parse(text)) ? [] : (validate.errors ?? []).map((e) => `${e.instancePath} ${e.message}`);
}

describe("What is made from the schema", () => {
  it("is the JSON Schema that is checked in", async () => {
    const schema = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
    await expect(schema).toMatchFileSnapshot(`${root}schemas/config.schema.json`);
  });

  it("are the tables of docs/configuration.md", async () => {
    await expect(insertKeyTables(page)).toMatchFileSnapshot(`${root}docs/configuration.md`);
  });

  it("has a description for every key, and examples that the key accepts", () => {
    const problems: string[] = [];
    const ajv = new Ajv({ strict: false });
    const visit = (schema: Record<string, unknown>, at: string): void => {
      for (const [key, below] of Object.entries(
        (schema["properties"] ?? {}) as Record<string, typeof schema>,
      )) {
        if (!below["description"]) problems.push(`${at}.${key} has no description`);
        for (const example of [below["default"], ...((below["examples"] ?? []) as unknown[])])
          if (example !== undefined && !ajv.validate(below, example))
            problems.push(`${at}.${key} does not accept its own ${JSON.stringify(example)}`);
        visit(below, `${at}.${key}`);
      }
      for (const below of [
        schema["items"],
        schema["additionalProperties"],
        ...((schema["anyOf"] ?? []) as unknown[]),
      ])
        if (typeof below === "object" && below !== null) visit(below as typeof schema, at);
    };
    visit(configJsonSchema(), "");
    expect(problems).toEqual([]);
    expect(keysAt(["engines", "x"]).length).toBeGreaterThan(5);
  });

  it("is stricter than an editor where a value is of a wrong type, and no less where a key is unknown", () => {
    expect(editorErrors(shortest.join("\n"))).toEqual([]);
    expect(editorErrors([...shortest, "colour: red"].join("\n"))).not.toEqual([]);
    expect(editorErrors([...shortest, "load: { timeout: 5 }"].join("\n"))).not.toEqual([]);
    expect(editorErrors("engines: { vllm: }\nmodels: { m: { path: a, package: b } }")).not.toEqual([]);
    expect(editorErrors([...shortest, "load: { prompt: a, dataset: b }"].join("\n"))).not.toEqual([]);
  });
});

describe("The documentation's", () => {
  const pages = [
    page,
    ...["engines", "getting-started"].map((name) => readFileSync(`${root}docs/${name}.md`, "utf8")),
  ];
  // An engine of a plugin is known only where the plugin's file is.
  const examples = pages
    .flatMap((each) => [...each.matchAll(/```yaml\n([^]*?)```/g)].map((match) => match[1] ?? ""))
    .filter((example) => !example.startsWith("plugins:"));

  it.each(examples)("example is valid: %s", async (example) => {
    expect(editorErrors(example)).toEqual([]);
    await planOf(example, {}, { environment: { HF_TOKEN: "x", MY_LICENCE: "y" } });
  });

  it("examples are there, and say the two commits of vLLM in ten lines", () => {
    expect(examples.length).toBeGreaterThanOrEqual(5);
    const commits = examples.find((example) => example.includes("vllm-change")) ?? "";
    expect(commits.trim().split("\n").length).toBeLessThanOrEqual(10);
  });

  it("defaults are what the resolver does", async () => {
    const schema = configJsonSchema() as {
      properties: { load: { anyOf: { properties?: Record<string, unknown> }[] } };
    };
    const load = schema.properties.load.anyOf.find(({ properties }) => properties)?.properties ?? {};
    const written = Object.fromEntries(
      Object.entries(load as Record<string, { default?: unknown }>)
        .filter(([, { default: value }]) => value !== undefined)
        .map(([key, { default: value }]) => [key, value]),
    );
    expect(Object.keys(written)).toContain("temperature");
    const bare = (await planOf(shortest)).cells.map((cell) => ({ ...cell, model: null }));
    const spelt = (await planOf([...shortest, `load: ${JSON.stringify(written)}`])).cells.map((cell) => ({
      ...cell,
      model: null,
    }));
    expect(spelt).toEqual(bare);
  });
});

describe("Every config of configs/", () => {
  it("is one of those that are described", () => {
    expect(names).toEqual([
      "a10.yaml",
      "ab.yaml",
      "cluster-test.yaml",
      "k3s.yaml",
      "local-models.yaml",
      "local-vllm.yaml",
      "local.yaml",
      "simulated.yaml",
      "vllm-commits.yaml",
    ]);
  });

  describe.each(names)("%s", (name) => {
    const text = readFileSync(`${root}configs/${name}`, "utf8");

    it("tells editors where its schema is, and they agree with it", () => {
      expect(text.split("\n")[0]).toBe("# yaml-language-server: $schema=../schemas/config.schema.json");
      expect(editorErrors(text)).toEqual([]);
    });

    it("names no size of a model but that of its download", () => {
      const sizes = packagedModels.map(({ downloadBytes }) => `${Math.round(downloadBytes / 1e6)} MB`);
      expect(sizes).toEqual(expect.arrayContaining(text.match(/\d+ MB/g) ?? []));
    });

    it("resolves to a plan, the same in any environment", async () => {
      const plan = await readPlan(`${root}configs/${name}`, { environment: {}, home: "/home/me" });
      expect(Plan.parse(structuredClone(plan))).toEqual(plan);
      expect(plan.name).toBe(name.replace(".yaml", ""));
    });
  });
});

/** Tokens to generate in a cell, and its decoding steps when requests of a point run side by side. */
function workOf({ points, warmupRequests }: CellPlan): { tokens: number; steps: number } {
  const longest = Math.max(...points.map(({ load }) => load.outputTokens));
  let tokens = warmupRequests * longest;
  let steps = tokens;
  for (const { load } of points) {
    const generated = (load.requests ?? 0) * load.outputTokens;
    tokens += generated;
    steps += generated / (load.concurrency ?? 1);
  }
  return { tokens, steps };
}

describe("The sizes of the configs", () => {
  const read = (name: string) => readPlan(`${root}configs/${name}`, { environment: {}, home: "/home/me" });

  it("local.yaml is the seed's protocol, and then batching, in two variants", async () => {
    const { cells } = await read("local.yaml");
    expect(cells.map(({ id }) => id)).toEqual([
      "llamacpp-1slot--smollm2-135m",
      "llamacpp-4slots--smollm2-135m",
    ]);
    expect(cells[0]?.points.map(({ id, load }) => `${id} x${load.requests}`)).toEqual([
      "seed-protocol-c1-out32 x5",
      "seed-protocol-c1-out64 x5",
      "seed-protocol-c1-out128 x5",
      "seed-protocol-c1-out256 x5",
      "seed-protocol-c1-out512 x5",
      "batching-c1-out64 x12",
      "batching-c2-out64 x12",
      "batching-c4-out64 x24",
    ]);
    expect(cells[1]?.points).toEqual(cells[0]?.points);
    const slots = cells.map(({ server }) => server.kind === "process" && server.settings);
    expect(slots).toEqual([
      { maxConcurrentRequests: 1, contextLength: 2048 },
      { maxConcurrentRequests: 4, contextLength: 2048 },
    ]);
  });

  it("simulated.yaml has four engines and two models, in about a minute by the profiles", async () => {
    const { cells } = await read("simulated.yaml");
    expect(cells).toHaveLength(8);
    let seconds = 0;
    for (const cell of cells) {
      if (cell.server.kind !== "simulated") throw new Error(`${cell.id} is not simulated`);
      const { loadMs, prefillMs, decodeMs, decodeMsPerSequence } = cell.server.profile;
      seconds += loadMs / 1_000;
      for (const { load } of cell.points) {
        const users = load.concurrency ?? 1;
        const one = prefillMs + load.outputTokens * (decodeMs + decodeMsPerSequence * (users - 1));
        seconds += (one * (load.requests ?? 0)) / users / 1_000;
      }
    }
    expect(seconds).toBeGreaterThan(30);
    expect(seconds).toBeLessThan(60);
  });

  it("local-vllm.yaml takes a few minutes where vLLM makes 20 tokens a second", async () => {
    const { cells } = await read("local-vllm.yaml");
    const vllm = cells.find(({ engine }) => engine === "vllm");
    if (vllm === undefined) throw new Error("no vllm");
    expect(workOf(vllm).steps / 20).toBeLessThan(120);
    expect(cells.map(({ model }) => model.precision)).toEqual(["BF16", "Q4_1"]);
  });
});

describe("The cluster configs", () => {
  const read = (name: string) => readPlan(`${root}configs/${name}`, { environment: {}, home: "/home/me" });

  it("a10.yaml is the seed's matrix, with its protocol and with at least ten requests a user", async () => {
    const { cells, cluster } = await read("a10.yaml");
    expect(cells.map(({ id, version }) => `${id} ${version}`)).toEqual(
      ["llama-3-8b-instruct", "mistral-7b-instruct-v0.3"].flatMap((model) => [
        `nim--${model} 1.8.4`,
        `vllm--${model} 0.6.4`,
        `sglang--${model} 0.4.7`,
        `tgi--${model} 2.4.1`,
      ]),
    );
    expect(Object.values(cluster?.pools ?? {}).map(({ nodeSelector }) => Object.keys(nodeSelector))).toEqual([
      ["node.kubernetes.io/instance-type"],
    ]);
    for (const { points } of cells) {
      expect(
        points.map(({ load }) => `c${load.concurrency} out${load.outputTokens} x${load.requests}`),
      ).toEqual([
        ...[32, 64, 128, 256, 512].map((out) => `c1 out${out} x5`),
        ...[1, 4, 8, 16, 32].flatMap((c) => [128, 512].map((out) => `c${c} out${out} x${10 * c}`)),
      ]);
    }
  });

  it("cluster-test.yaml has ten cells of two points with twenty requests, and one real engine", async () => {
    const { cells } = await read("cluster-test.yaml");
    expect(cells).toHaveLength(10);
    for (const { points } of cells) expect(points.map(({ load }) => load.requests)).toEqual([20, 20]);
    const real = cells.filter(({ server }) => server.kind === "kubernetes" && server.simulated === undefined);
    expect(real.map(({ engine }) => engine)).toEqual(["llamacpp", "llamacpp"]);
  });

  it("k3s.yaml asks for no more than a machine with 32 GB has", async () => {
    const { cells } = await read("k3s.yaml");
    for (const { server } of cells) {
      if (server.kind !== "kubernetes") throw new Error("no container");
      expect(server.resources).toMatchObject({ gpus: 1, memory: "24Gi" });
    }
  });
});

describe("The config to start from on a cluster", () => {
  it("is valid as it stands, and with everything switched on", async () => {
    const text = initConfig({ cluster: true, name: "first" });
    expect(editorErrors(text)).toEqual([]);
    expect(await planOf(text)).toMatchObject({ name: "first", cluster: { namespace: "llm-bench" } });
    const on = await planOf(text.replaceAll(/^( *)#(?=\S)/gm, "$1"));
    expect(on.cells.map(({ id }) => id)).toContain("tgi--llama-3-8b-instruct");
    expect(on).toMatchObject({ schedule: { cron: "0 2 * * *" }, profiling: { source: { kind: "share" } } });
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
  });

  it("says what a cluster is in some fifteen lines", () => {
    const text = initConfig({ cluster: true });
    const section = text.slice(text.indexOf("\ncluster:"), text.indexOf("\nengines:")).trim().split("\n");
    expect(section.filter((line) => !/^ *#/.test(line) && line !== "").length).toBeLessThanOrEqual(15);
  });
});

describe("The config to start from", () => {
  it("is valid as it stands", async () => {
    const text = initConfig({ name: "first", schema: "../schemas/config.schema.json" });
    expect(text.split("\n")[0]).toBe("# yaml-language-server: $schema=../schemas/config.schema.json");
    expect(editorErrors(text)).toEqual([]);
    expect((await planOf(text)).name).toBe("first");
    expect((await planOf(initConfig())).name).toBe("x");
  });

  it("is valid with everything switched on that is switched off", async () => {
    const on = initConfig().replaceAll(/^( *)#(?=\S)/gm, "$1");
    expect(on).toContain("\n  my-model:");
    const plan = await planOf(on);
    expect(plan.name).toBe("my-benchmark");
    expect(plan.cells.map(({ id }) => id)).toContain("vllm-simulated--my-model");
  });

  it("fits 120 columns and has no tab", () => {
    for (const line of initConfig().split("\n")) expect(line.length).toBeLessThanOrEqual(120);
    expect(initConfig()).not.toContain("\t");
  });
});
