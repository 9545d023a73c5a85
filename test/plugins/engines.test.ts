import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { dialectFor, engineSpec } from "../../src/engines/index.ts";
import { loadPlugin, loadPlugins, usePlugins } from "../../src/plugins/load-plugins.ts";
import { planOf, problemsOf } from "../config/problems.ts";
import { makeFolder } from "../engines/folders.ts";

// An engine that was added stays in its process until others are.
afterAll(() => usePlugins([]));

/** LightLLM, as a person would add it. */
const lightllm = `
export default {
  kind: "lightllm",
  title: "LightLLM",
  settings: ["contextLength", "tensorParallel"],
  args: ({ modelPath, settings }) => [
    "--model_dir", modelPath, "--host", "{host}", "--port", "{port}",
    ...(settings.tensorParallel === undefined ? [] : ["--tp", String(settings.tensorParallel)]),
  ],
  dialect: { ignoreEos: "top-level" },
  container: {
    image: (version = "main") => "ghcr.io/modeltc/lightllm:" + version,
    command: () => ["python", "-m", "lightllm.server.api_server"],
  },
};
`;

function fileOf(text: string, name = "engine.mjs"): string {
  const file = join(makeFolder(), name);
  writeFileSync(file, text);
  return file;
}

describe("an engine of one's own", () => {
  test("is one file, with a default for all that it does not say", async () => {
    usePlugins([await loadPlugin(fileOf(lightllm))]);
    expect(engineSpec("lightllm")).toMatchObject({
      title: "LightLLM",
      defaultStopTimeoutSeconds: 30,
      container: { port: 8000, isEntryPoint: false, startTimeoutSeconds: 1800 },
    });
    expect(engineSpec("lightllm").readiness(undefined).path).toBe("/health");
    expect(dialectFor("lightllm")).toMatchObject({
      name: "lightllm",
      ignoreEos: "top-level",
      minTokens: false,
    });
  });

  test("may be in TypeScript, and in several files", async () => {
    const file = fileOf(
      'import { kind } from "./kind.ts";\nexport default { kind, args: (launch: { modelPath: string }) => [launch.modelPath] };\n',
      "engine.ts",
    );
    writeFileSync(join(file, "..", "kind.ts"), 'export const kind: string = "typed";\n');
    usePlugins([await loadPlugin(file)]);
    expect(
      engineSpec("typed").args({ modelPath: "/m", servedName: "m", settings: {}, requestsInFlight: 1 }),
    ).toEqual(["/m"]);
  });

  test("is unknown to the next config", async () => {
    const file = fileOf('export default { kind: "again", title: "One", args: () => [] };');
    usePlugins([await loadPlugin(file)]);
    expect(engineSpec("again").title).toBe("One");
    writeFileSync(file, 'export default { kind: "again", title: "Two", args: () => [] };');
    usePlugins([await loadPlugin(file)]);
    expect(engineSpec("again").title).toBe("Two");
    await planOf(["engines: { llamacpp: }", "models: { m: { path: m.gguf } }"]);
    expect(() => engineSpec("again")).toThrow(expect.objectContaining({ code: "ENGINE_UNKNOWN" }));
  });

  test.each([
    ["export default 3;", "PLUGIN_INVALID", "expected an engine"],
    ["export const engine = 1;", "PLUGIN_INVALID", "expected an engine"],
    ['export default { kind: "My Engine", args: () => [] };', "PLUGIN_INVALID", "`kind`: lower-case letters"],
    ['export default { kind: "mine" };', "PLUGIN_INVALID", "`args`: a function"],
    ["export default [];", "PLUGIN_INVALID", "found an empty list"],
    [
      'export default { kind: "mine", args: () => [], container: {} };',
      "PLUGIN_INVALID",
      "`container`: functions",
    ],
    [
      'export default { kind: "vllm", args: () => [] };',
      "PLUGIN_KIND_TAKEN",
      "There is an engine vllm already",
    ],
    ['throw new Error("no luck");', "PLUGIN_NOT_LOADED", "no luck"],
  ])("that is none is told of: %s", async (text, code, message) => {
    const loading = loadPlugin(fileOf(text)).then((plugin) => usePlugins([plugin]));
    await expect(loading).rejects.toMatchObject({
      code,
      exitStatus: 2,
      message: expect.stringContaining(message),
    });
  });

  test("goes on with a run as it began", async () => {
    const file = fileOf(lightllm);
    const { sha256 } = await loadPlugin(file);
    const plan = { plugins: [{ file, sha256 }] } as Parameters<typeof loadPlugins>[0];
    await loadPlugins(plan);
    // A comment is in no bundle.
    writeFileSync(file, `${lightllm}// A comment.`);
    await loadPlugins(plan);
    writeFileSync(file, lightllm.replace("LightLLM", "Light LLM"));
    await expect(loadPlugins(plan)).rejects.toMatchObject({ code: "PLUGIN_CHANGED" });
    rmSync(file);
    await expect(loadPlugins(plan)).rejects.toMatchObject({ code: "PLUGIN_NOT_FOUND" });
  });
});

describe("a config with an engine of its own", () => {
  const cluster = [
    "cluster:",
    "  pools: { a10: }",
    "  storage: { models: { claim: m }, results: { claim: r } }",
    "  steps: { image: example.com/llmbench:1 }",
  ];

  test("names its file beside it, and the engine as any other", async () => {
    const plan = await planOf(
      [
        "plugins: [./engine.mjs]",
        "engines:",
        "  lightllm: { settings: { tensorParallel: 2 } }",
        "  simulated-light: { kind: lightllm, simulated: true }",
        "models: { m: { folder: llama } }",
        ...cluster,
      ],
      { "engine.mjs": lightllm },
    );
    expect(plan.plugins).toEqual([{ file: "plugin.mjs", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
    expect(
      plan.cells.map(({ engine, server }) => [engine, server.kind === "kubernetes" && server.image]),
    ).toEqual([
      ["lightllm", "ghcr.io/modeltc/lightllm:main"],
      ["lightllm", "example.com/llmbench:1"],
    ]);
  });

  test("is told what is wrong with it, where the file is named", async () => {
    const { problems } = await problemsOf(
      ["plugins: [./gone.mjs]", "engines: { whatever: }", "models: { m: { path: m } }"],
      {},
    );
    expect(problems.filter((line) => line.startsWith("x.yaml"))).toEqual([
      expect.stringMatching(
        /^x\.yaml:1:11 plugins\[0\]: \/.*\/gone\.mjs cannot be read\.\n {4}docs\/extending\.md/,
      ),
    ]);
  });

  test("has no setting that the engine does not have", async () => {
    const { problems } = await problemsOf(
      [
        "plugins: [engine.mjs]",
        "engines: { lightllm: { settings: { dtype: half } } }",
        "models: { m: { folder: llama } }",
        ...cluster,
      ],
      { "engine.mjs": lightllm },
    );
    expect(problems[0]).toBe(
      "x.yaml:2:36 engines.lightllm.settings.dtype: LightLLM has no such setting; it has contextLength, tensorParallel",
    );
  });
});
