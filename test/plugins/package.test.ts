import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { Plan } from "../../src/config/plan.ts";
import { loadPlugins, usePlugins } from "../../src/plugins/load-plugins.ts";
import type { Results } from "../../src/results/schema/results.ts";
import { pluginSteps } from "../../src/steps/plugin-step.ts";
import { llmbench } from "../cli/llmbench.ts";
import { programPath } from "../program/program.ts";

/** A package of somebody else's, of which a config beside it names the one file. */
const fixture = fileURLToPath(new URL("../fixtures/plugin-package", import.meta.url));
const checkout = fileURLToPath(new URL("../..", import.meta.url));
const cell = "serialllama--tiny";
let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-plugin-"));
  // As it is installed: esbuild lies beside it.
  program = join(folder, "llmbench/dist/llmbench.mjs");
  mkdirSync(join(folder, "llmbench/dist"), { recursive: true });
  copyFileSync(await programPath(), program);
  symlinkSync(join(checkout, "node_modules"), join(folder, "llmbench/node_modules"));
  for (const file of await readdir(fixture)) copyFileSync(join(fixture, file), join(folder, file));
  writeFileSync(join(folder, "config.yaml"), config(""));
}, 120_000);
afterAll(async () => {
  usePlugins([]);
  await run("clean");
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

const config = (more: string) => `plugins: [plugin.ts]
engines:
  serialllama: { simulated: { loadMs: 50, prefillMs: 2, decodeMs: 1 } }
${more === "" ? "" : "  other: { kind: serialllama, simulated: true }"}
models: { tiny: }
load: { warmup: 1, blocks: [{ name: small, concurrency: 2, outputTokens: 8, requests: 12 }] }
steps: { answers: { questions: 2, maxTokens: 6 } }
failOn: never
errorBars: false
${more}`;

const cluster = `cluster:
  pools: { a10: }
  storage: { models: { claim: m }, results: { claim: r } }
  steps: { image: example.com/llmbench:1 }
`;

const run = (...words: readonly string[]) => llmbench(words, { cwd: folder, program });
const stepFolder = (id: string) => join(folder, "runs", id, "cells", cell, "steps/answers");

describe("an engine and a step from a package of their own", () => {
  it("run on this machine as llmbench's own do", { timeout: 120_000 }, async () => {
    const ended = await run("run", "config.yaml", "--id", "one", "--json");
    expect(ended).toMatchObject({ status: 0, stderr: expect.stringContaining(`${cell}: answers`) as string });
    const [result] = (JSON.parse(ended.stdout) as Results).cells;
    expect(result).toMatchObject({
      engine: "serialllama",
      status: "done",
      simulated: true,
      steps: [
        {
          step: "answers",
          simulated: true,
          input: { questions: 2, maxTokens: 6 },
          outputs: { asked: 2, answered: 2, longest: expect.any(String) as string },
        },
      ],
    });
    expect((await readdir(stepFolder("one"))).sort()).toEqual(["answers.json", "summary.json"]);
    const answers = JSON.parse(readFileSync(join(stepFolder("one"), "answers.json"), "utf8")) as unknown[];
    expect(answers).toHaveLength(2);
    const html = readFileSync(join(folder, "runs/one/report/index.html"), "utf8");
    expect(html).toContain("Steps of plugins");
    expect(await run("report", "one", "--format", "md")).toMatchObject({ status: 0 });
    expect(readFileSync(join(folder, "runs/one/report/report.md"), "utf8")).toContain(
      "| Cell | asked | answered | longest |",
    );
  });

  it("are not run again where a run goes on that has all of it", { timeout: 120_000 }, async () => {
    const before = readFileSync(join(stepFolder("one"), "summary.json"), "utf8");
    const resumed = await run("run", "--resume", "one", "--json");
    expect(resumed).toMatchObject({ status: 0 });
    expect(resumed.stderr).toContain("everything of it was measured before");
    expect(readFileSync(join(stepFolder("one"), "summary.json"), "utf8")).toBe(before);
    // Without what the step found, it alone runs.
    rmSync(join(stepFolder("one"), "summary.json"));
    expect(await run("run", "--resume", "one", "--json")).toMatchObject({ status: 0 });
    expect((await readdir(stepFolder("one"))).sort()).toEqual(["answers.json", "attempt-1", "summary.json"]);
  });

  it("say that they failed, and that it is not llmbench's doing", { timeout: 120_000 }, async () => {
    const text = readFileSync(join(fixture, "plugin.ts"), "utf8");
    writeFileSync(
      join(folder, "broken.ts"),
      text.replace("const [longest]", 'throw new Error("out of questions");\n    const [longest]'),
    );
    writeFileSync(join(folder, "broken.yaml"), config("").replace("plugin.ts", "broken.ts"));
    const ended = await run("run", "broken.yaml", "--id", "broken");
    expect(ended.status).toBe(1);
    expect(ended.stderr).toContain("step answers: out of questions");
    expect(ended.stderr).toMatch(/a step of the plugin .*broken\.ts, not of llmbench/);
    const status = JSON.parse(
      readFileSync(join(folder, "runs/broken/cells", cell, "status.json"), "utf8"),
    ) as object;
    expect(status).toMatchObject({ status: "failed", step: "answers", error: { code: "STEP_FAILED" } });
  });
});

interface Template {
  readonly name: string;
  readonly container?: { readonly args: string[]; readonly resources: unknown };
  readonly dag?: { readonly tasks: readonly { readonly name: string; readonly depends?: string }[] };
  readonly outputs?: { readonly parameters: readonly { readonly name: string }[] };
}

interface BuiltObject {
  readonly metadata: { readonly name: string };
  readonly data: Readonly<Record<string, string>>;
  readonly spec: { readonly templates: readonly Template[] };
}

async function built(...words: readonly string[]) {
  writeFileSync(join(folder, "cluster.yaml"), config(cluster));
  const ended = await run("build", "cluster.yaml", "--out", "argo", ...words);
  if (ended.status !== 0) throw new Error(ended.stderr);
  const objects = (file: string) =>
    parseAllDocuments(readFileSync(join(folder, "argo/cluster", file), "utf8")).map(
      (document) => document.toJS() as BuiltObject,
    );
  const [configMap] = objects("config.yaml");
  const [workflow] = objects("benchmark.yaml");
  if (configMap === undefined || workflow === undefined) throw new Error("nothing was built");
  return {
    ...ended,
    name: configMap.metadata.name,
    data: configMap.data,
    templates: workflow.spec.templates,
  };
}

describe("on a cluster, they", { timeout: 120_000 }, () => {
  it("stand in the workflow, with the step's outputs on its node", async () => {
    const { templates } = await built();
    const named = (name: string) => templates.find((template) => template.name === name);
    const tasks = named("cell")?.dag?.tasks.map(({ name, depends }) => [name, depends]);
    expect(tasks).toEqual([
      ["deploy", undefined],
      ["wait-healthy", "deploy"],
      ["warmup", "wait-healthy"],
      ["answers", "warmup"],
      ["sweep", "answers"],
    ]);
    expect(named("answers")).toMatchObject({
      container: { resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "256Mi" } } },
      serviceAccountName: "llmbench-server",
    });
    expect(named("answers")?.outputs?.parameters.map(({ name }) => name)).toEqual([
      "asked",
      "answered",
      "longest",
      "server",
    ]);
  });

  it("are carried by the config's ConfigMap, and no others are taken for them", async () => {
    const { data } = await built();
    expect(Object.keys(data)).toEqual(["plan.json", "plugin.mjs"]);
    expect(data["plan.json"]).not.toContain(folder);
    const plan = Plan.parse(JSON.parse(data["plan.json"] ?? ""));
    const mounted = join(folder, "mounted");
    mkdirSync(mounted);
    const put = (text: string) => writeFileSync(join(mounted, "plugin.mjs"), text);
    put(data["plugin.mjs"] ?? "");
    const plugins = await loadPlugins(plan, mounted);
    expect(pluginSteps(plan, plugins)).toMatchObject([{ after: "warmup", step: { name: "answers" } }]);
    // One byte more, and it is another plugin than the plan's.
    put(`${data["plugin.mjs"] ?? ""}\n`);
    await expect(loadPlugins(plan, mounted)).rejects.toMatchObject({
      code: "PLUGIN_CHANGED",
      exitStatus: 2,
      message: "plugin.mjs is not the one that the run began with.",
    });
    rmSync(join(mounted, "plugin.mjs"));
    await expect(loadPlugins(plan, mounted)).rejects.toMatchObject({ code: "PLUGIN_NOT_FOUND" });
    await expect(loadPlugins(plan)).rejects.toMatchObject({
      code: "PLUGIN_NOT_FOUND",
      hint: expect.stringContaining("--plan") as string,
    });
  });

  it("leave the name of the ConfigMap as it is only where they are as they were", async () => {
    const before = await built();
    expect((await built()).name).toBe(before.name);
    const text = readFileSync(join(fixture, "plugin.ts"), "utf8");
    writeFileSync(join(folder, "plugin.ts"), text.replace("default(12)", "default(13)"));
    const after = await built();
    writeFileSync(join(folder, "plugin.ts"), text);
    expect(after.name).not.toBe(before.name);
  });

  it("are built for the cells that are asked for", async () => {
    const { stdout, templates } = await built("--engine", "other");
    expect(stdout).toContain("cluster: 1 of 2 cells");
    const tasks = templates.find(({ name }) => name === "benchmark")?.dag?.tasks.map(({ name }) => name);
    expect(tasks).toEqual(["prepare", "other--tiny"]);
    await expect(built("--cell", "serialllama--big")).rejects.toThrow(
      /nothing called "serialllama--big" for --cell\n.*it has serialllama--tiny, other--tiny/,
    );
    await expect(built("--engine", "other", "--cell", cell)).rejects.toThrow(
      /no cell of cluster is all that was asked for/,
    );
  });

  it("are nothing that llmbench alone can bundle: it says what is missing", async () => {
    const alone = join(folder, "alone.mjs");
    copyFileSync(program, alone);
    const ended = await llmbench(["validate", "config.yaml"], { cwd: folder, program: alone });
    expect(ended).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(
        /bundled by esbuild, which is not installed\.\n\s+npm install esbuild/,
      ) as string,
    });
  });
});
