import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { type Manifest, toYaml } from "../../src/argo/index.ts";
import { schemaErrors } from "./schemas.ts";

const folder = fileURLToPath(new URL("../../examples", import.meta.url));
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.replace(".ts", ""));

const load = async (name: string): Promise<Manifest> =>
  ((await import(join(folder, `${name}.ts`))) as { default: Manifest }).default;

function has(program: string): boolean {
  try {
    execFileSync(program, ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe("the examples", () => {
  // `vitest -u` writes the YAML anew.
  it.each(names)("%s makes the YAML beside it", async (name) => {
    await expect(toYaml(await load(name))).toMatchFileSnapshot(join(folder, `${name}.yaml`));
  });

  it.each(names)("%s makes what its definition says, read by YAML 1.1 and by YAML 1.2", async (name) => {
    const manifest = await load(name);
    for (const version of ["1.1", "1.2"] as const) {
      const [document] = parseAllDocuments(toYaml(manifest), { version });
      expect(document?.toJS()).toEqual(JSON.parse(JSON.stringify(manifest.object)));
    }
  });

  it.each(names)("%s is what the cluster's schema asks for", async (name) => {
    expect(schemaErrors((await load(name)).object)).toEqual([]);
  });

  it("of the README is one of them", () => {
    const readme = readFileSync(join(folder, "../src/argo/README.md"), "utf8");
    const example = readFileSync(join(folder, "cells.ts"), "utf8").replace(
      "../src/argo/index.ts",
      "./index.ts",
    );
    expect(readme).toContain(`\`\`\`ts\n${example}\`\`\`\n`);
  });

  it.skipIf(!has("argo"))("pass `argo lint`", () => {
    const files = names.map((name) => join(folder, `${name}.yaml`));
    expect(
      execFileSync("argo", ["lint", "--offline", "--no-color", ...files], { encoding: "utf8" }),
    ).toContain("no linting errors found");
  });
});
