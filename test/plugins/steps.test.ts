import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { StepCell } from "../../src/plugins/define-step.ts";
import { loadPlugin, usePlugins } from "../../src/plugins/load-plugins.ts";
import { planOf, problemsOf } from "../config/problems.ts";
import { makeFolder } from "../engines/folders.ts";

afterAll(() => usePlugins([]));

const probe = `
import { defineStep, z } from "llm-inference-benchmark";
export default defineStep({
  name: "probe",
  after: "sweep",
  input: z.strictObject({ times: z.int("expected a whole number").positive().default(2), word: z.string().optional() }),
  output: z.object({ sum: z.number() }),
  run: async ({ times }) => ({ sum: times * 2 }),
});
`;

const config = (...lines: readonly string[]) => [
  "plugins: [probe.mjs]",
  "engines: { llamacpp: { simulated: true } }",
  "models: { m: }",
  ...lines,
];

function fileOf(text: string): string {
  const file = join(makeFolder(), "step.mjs");
  writeFileSync(file, `import { defineStep, z } from "llm-inference-benchmark";\n${text}`);
  return file;
}

const step = (fields: string) =>
  fileOf(
    `export default defineStep({ name: "probe", after: "warmup", output: z.object({}), run: async () => ({}), ${fields} });`,
  );

describe("a step of one's own", () => {
  test("is in the plan where a config names it, with what it is given and what it puts out", async () => {
    const plan = await planOf(config("steps: { probe: { times: 3 } }"), { "probe.mjs": probe });
    expect(plan.steps).toEqual([
      {
        name: "probe",
        after: "sweep",
        input: { times: 3 },
        outputs: ["sum"],
        resources: { cpu: "200m", memory: "512Mi" },
      },
    ]);
    expect((await planOf(config("steps: { probe: }"), { "probe.mjs": probe })).steps).toMatchObject([
      { name: "probe", input: {} },
    ]);
  });

  test("does not run where no config names it", async () => {
    expect(await planOf(config(), { "probe.mjs": probe })).not.toHaveProperty("steps");
  });

  test.each([
    [
      "steps: { prob: }",
      'x.yaml:4:10 steps.prob: there is no such step; plugins add probe; did you mean "probe"?',
    ],
    ["steps: { sweep: }", "x.yaml:4:10 steps.sweep: every cell has this step by itself; take it out"],
    [
      "steps: { probe: { times: many } }",
      'x.yaml:4:26 steps.probe.times: expected a whole number; found "many"',
    ],
    ["steps: { probe: { time: 3 } }", "x.yaml:4:19 steps.probe.time: the step takes nothing of this name"],
    [
      "steps: [probe]",
      "x.yaml:4:8 steps: expected a mapping of steps' names to what they take; found a list",
    ],
  ])("is told what is wrong with %s", async (line, problem) => {
    const { problems } = await problemsOf(config(line), { "probe.mjs": probe });
    expect(problems[0]).toBe(problem);
  });

  test("takes no name of a step that there is", async () => {
    for (const name of ["warmup", "benchmark"]) {
      const plugin = await loadPlugin(step(`name: "${name}"`));
      expect(() => usePlugins([plugin])).toThrow(
        expect.objectContaining({ code: "PLUGIN_STEP_TAKEN", exitStatus: 2 }),
      );
    }
    const plugin = await loadPlugin(step(""));
    expect(() => usePlugins([plugin, plugin])).toThrow(
      expect.objectContaining({ code: "PLUGIN_STEP_TAKEN" }),
    );
  });

  test.each([
    ['name: "My Step"', "a `name` of lower-case letters"],
    ['after: "deploy"', "`after` to be one of wait-healthy, warmup, sweep"],
    ["output: z.string()", "`output` to be z.object"],
    ["output: z.object({ server: z.string() })", 'the output "server" to have a name'],
    ["input: {}", "`input` to be a schema of zod"],
    ["run: 3", "`run` to be a function"],
    ['resources: { memory: "lots" }', "`resources.memory` to be a size"],
    ['resources: { cpu: "all" }', "`resources.cpu` to be CPUs"],
  ])("is refused with %s", async (fields, message) => {
    await expect(loadPlugin(step(fields))).rejects.toMatchObject({
      code: "PLUGIN_INVALID",
      message: expect.stringContaining(message) as string,
    });
  });

  test("is made by defineStep, which knows its types", async () => {
    await expect(
      loadPlugin(fileOf('export default { name: "raw", after: "sweep", run() {} };')),
    ).rejects.toMatchObject({
      code: "PLUGIN_INVALID",
      message: expect.stringContaining("a step made by defineStep") as string,
    });
  });

  test("puts out what it says, and only a little", async () => {
    const cell = {} as StepCell;
    const run = async (output: string, value: string) => {
      const plugin = await loadPlugin(step(`output: z.object({ ${output} }), run: async () => (${value})`));
      return await plugin.steps[0]?.run({}, cell);
    };
    expect(await run("n: z.number()", "{ n: 1, more: 2 }")).toEqual({ n: 1 });
    await expect(run("n: z.number()", '{ n: "1" }')).rejects.toMatchObject({
      code: "STEP_OUTPUT_INVALID",
      details: [expect.stringMatching(/^n: /) as string],
    });
    await expect(run("t: z.string()", '{ t: "x".repeat(4000) }')).rejects.toMatchObject({
      code: "STEP_OUTPUT_INVALID",
      details: [expect.stringContaining("4000 at most: write what is larger to a file") as string],
    });
  });
});
