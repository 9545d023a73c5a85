import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  artifact,
  container,
  cronWorkflow,
  dag,
  fromFile,
  lint,
  lintRules,
  type Manifest,
  mutex,
  string,
  text,
  thisRun,
  workflow,
  workflowTemplate,
} from "../../src/argo/index.ts";
import { bad } from "./lint-cases.ts";

const url = (path: string) => new URL(`../../${path}`, import.meta.url);
const examples = readdirSync(url("examples")).filter((file) => file.endsWith(".ts"));

describe("the lint", () => {
  it("has nothing against the examples", async () => {
    const manifests = await Promise.all(
      examples.map(async (file) => ((await import(url(`examples/${file}`).href)) as { default: Manifest }).default),
    );
    expect(lint(manifests)).toEqual([]);
  });

  it.each(Object.entries(bad))("%s", (id, cases) => {
    for (const { manifests, places } of cases) {
      const findings = lint(manifests);
      expect(findings.map((each) => each.id)).toEqual(places.map(() => id));
      expect(findings.map(({ place: { at: _at, manifest: _manifest, ...place } }) => place)).toEqual(places);
    }
  });

  it("has a case for every rule", () => {
    expect(Object.keys(bad).sort()).toEqual(lintRules.map(({ id }) => id).sort());
  });
});
