import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments, parseDocument } from "yaml";
import { loadPlugin } from "../../src/plugins/load-plugins.ts";
import { schemaErrors } from "../argo/schemas.ts";
import { installPackage, runFile } from "./installed.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "llmbench-installed-")));

/** What docs/extending.md shows: an engine, a step, a pipeline. */
const shown = [
  ...readFileSync(new URL("../../docs/extending.md", import.meta.url), "utf8").matchAll(/```ts\n(.*?)```/gs),
].map(([, code = ""]) => code);
const names = ["shown-engine.ts", "shown-step.ts", "shown-pipeline.ts"];

beforeAll(async () => {
  await installPackage(folder);
  for (const [index, name] of names.entries()) writeFileSync(join(folder, name), shown[index] ?? "");
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("for who has installed it, the package", { timeout: 120_000 }, () => {
  it("has the language for Argo, with a patch of what it has no word for", async () => {
    const yaml = await runFile(
      folder,
      "pipeline.ts",
      JSON.stringify({ image: "node:24", namespace: "mine" }),
    );
    const objects = parseAllDocuments(yaml).map((document) => document.toJS() as { kind: string });
    expect(objects).toMatchObject([{ kind: "WorkflowTemplate" }, { kind: "Workflow" }]);
    expect(objects[0]).toMatchObject({
      spec: {
        templates: [
          { name: "main" },
          { name: "look", hostAliases: [{ ip: "10.0.0.7", hostnames: ["models.internal"] }] },
        ],
      },
    });
    expect(objects.flatMap((object) => schemaErrors(object))).toEqual([]);
  });

  it("does what its documentation shows", async () => {
    expect(shown).toHaveLength(names.length);
    expect((await loadPlugin(join(folder, "shown-engine.ts"))).engines).toMatchObject([{ kind: "lightllm" }]);
    expect((await loadPlugin(join(folder, "shown-step.ts"))).steps).toMatchObject([
      { name: "capital", after: "warmup", outputs: ["correct", "ttftMs"] },
    ]);
    const yaml = await runFile(folder, "shown-pipeline.ts", "");
    expect(schemaErrors(parseDocument(yaml).toJS() as { kind: string })).toEqual([]);
    expect(yaml).toContain("models.internal");
  });

  it("lets a plugin be tried alone, by whoever writes it", async () => {
    writeFileSync(
      join(folder, "try.ts"),
      'import plugin from "./plugin.ts";\nconsole.log(plugin.map((part) => ("kind" in part ? part.kind : part.name)).join());\n',
    );
    expect(await runFile(folder, "try.ts", "")).toBe("serialllama,answers\n");
  });
});
