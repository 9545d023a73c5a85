import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { bundlePlugin } from "../../src/plugins/bundle-plugin.ts";
import { loadPlugin } from "../../src/plugins/load-plugins.ts";
import { makeFolder } from "../engines/folders.ts";

const fixture = fileURLToPath(new URL("../fixtures/plugin-package/plugin.ts", import.meta.url));

function fileOf(files: Readonly<Record<string, string>>): string {
  const folder = makeFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return join(folder, Object.keys(files)[0] ?? "");
}

describe("the bundle of a plugin", () => {
  test("holds what the plugin imports, and of llmbench nothing", async () => {
    const { text, sha256 } = await bundlePlugin(fixture);
    expect(text).toContain("The capital of France is");
    expect(text).toContain('require("llm-inference-benchmark")');
    expect(text).not.toMatch(/^import |ZodType|class LlmbenchError/m);
    expect(Buffer.byteLength(text)).toBeLessThan(10_000);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(await bundlePlugin(fixture)).toEqual({ text, sha256 });
  });

  test("is the same wherever its files lie, and names no folder of this machine", async () => {
    const files = {
      "a.ts": 'import { b } from "./lib/b.ts"; export default b;',
      "lib/b.ts": "export const b = 1;",
    };
    const [one, two] = [fileOf(files), fileOf(files)];
    const bundle = await bundlePlugin(one);
    expect(await bundlePlugin(two)).toEqual(bundle);
    expect(bundle.text).not.toContain(dirname(one));
  });

  test("is refused where it is too big, with what makes it so", async () => {
    const file = fileOf({
      "big.mjs": 'import { data } from "./data.mjs"; export default { kind: data, args: () => [] };',
      "data.mjs": `export const data = ${JSON.stringify("x".repeat(600_000))};`,
    });
    await expect(bundlePlugin(file)).rejects.toMatchObject({
      code: "PLUGIN_TOO_BIG",
      exitStatus: 2,
      message: expect.stringMatching(
        /big\.mjs is 60\d kB with all that it imports; at most 500 kB\.$/,
      ) as string,
      details: ["601 kB: data.mjs", expect.stringMatching(/^1 kB: big\.mjs$/) as string],
    });
  });

  test("takes no package that is not there, and says who wants it", async () => {
    await expect(bundlePlugin(fileOf({ "x.mjs": '\nimport "no-such-package";' }))).rejects.toMatchObject({
      code: "PLUGIN_NOT_BUNDLED",
      details: [expect.stringMatching(/^x\.mjs:2:7 Could not resolve "no-such-package"/) as string],
    });
  });

  test("takes no import.meta and no top-level await, which it could not keep", async () => {
    for (const text of ["export default import.meta.url;", "export default await 1;"])
      await expect(bundlePlugin(fileOf({ "x.mjs": text }))).rejects.toMatchObject({
        code: "PLUGIN_NOT_BUNDLED",
      });
  });

  test("tells of a mistake in the file itself by its line", async () => {
    await expect(bundlePlugin(fileOf({ "x.ts": "export default {\n  kind: \n};" }))).rejects.toMatchObject({
      code: "PLUGIN_NOT_BUNDLED",
      details: [expect.stringMatching(/^x\.ts:3:0 Unexpected "}"/) as string],
    });
  });
});

describe("what a plugin imports", () => {
  test("is the llmbench that runs it, whichever way it is asked for", async () => {
    const file = fileOf({
      "x.mjs": [
        'import { defineEngine, LlmbenchError, z } from "llm-inference-benchmark";',
        'import { basename } from "node:path";',
        'const later = import("llm-inference-benchmark");',
        "export default defineEngine({",
        '  kind: basename("/a/lazy"),',
        "  args: () => { if (z.string().safeParse(1).success) throw new LlmbenchError('A', 'b'); return []; },",
        "  title: typeof later.then,",
        "});",
      ].join("\n"),
    });
    const { engines } = await loadPlugin(file);
    expect(engines).toMatchObject([{ kind: "lazy", title: "function" }]);
  });
});
