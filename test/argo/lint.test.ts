import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  container,
  dag,
  formatFinding,
  lint,
  lintRules,
  type Manifest,
  workflowTemplate,
} from "../../src/argo/index.ts";
import { bad } from "./lint-cases.ts";

const url = (path: string) => new URL(`../../${path}`, import.meta.url);
const examples = readdirSync(url("examples")).filter((file) => file.endsWith(".ts"));

describe("the lint", () => {
  it("has nothing against the examples", async () => {
    const manifests = await Promise.all(
      examples.map(
        async (file) => ((await import(url(`examples/${file}`).href)) as { default: Manifest }).default,
      ),
    );
    expect(lint(manifests)).toEqual([]);
  });

  it.each(Object.entries(bad))("%s", (id, cases) => {
    for (const { manifests, places, beside = [] } of cases) {
      const findings = lint(manifests).filter((each) => !beside.includes(each.id));
      expect(findings.map((each) => each.id)).toEqual(places.map(() => id));
      expect(findings.map(({ place: { at: _at, manifest: _manifest, ...place } }) => place)).toEqual(places);
    }
  });

  it("says where in the source a finding was defined, and what to do", () => {
    const step = container("step", {}, (c) => c.run({ image: "busybox", command: ["true"] }));
    const main = dag("main", {}, (d) => {
      d.task("a", step, {}, { onExit: (ended) => ended.run(step) });
    });
    const [finding, ...more] = lint([workflowTemplate("bench", { entry: main })]);
    expect(more).toEqual([]);
    expect(finding && formatFinding(finding)).toMatch(
      /^warning exit-hook-ignores-status: The exit hook of "a" .* \(WorkflowTemplate bench, template main, task a, hooks\.exit; .*test\/argo\/lint\.test\.ts:\d+\)\n {2}Give it/,
    );
  });

  it("leaves out what is not wanted", () => {
    for (const [id, cases] of Object.entries(bad)) {
      const rest = cases.flatMap(({ manifests, beside = [] }) =>
        lint(manifests, { ignore: [id, ...beside] }),
      );
      expect(rest).toEqual([]);
    }
  });

  it("lets a workflow hold locks of both kinds, or of the kind that its templates hold", () => {
    const [mixed] = bad["locks-of-two-kinds"] ?? [];
    const [{ object, ...rest }] = (mixed?.manifests ?? []) as [Manifest];
    const lintWith = (synchronization: object) =>
      lint([{ ...rest, object: { ...object, spec: { ...object.spec, synchronization } } as typeof object }]);
    const semaphores = [{ configMapKeyRef: { name: "runs", key: "at-once" } }];
    expect(lintWith({ semaphores })).toEqual([]);
    expect(lintWith({ semaphores, mutexes: [{ name: "one-run" }] })).toEqual([]);
  });

  it("is documented rule by rule", async () => {
    const rows = lintRules.map(
      ({ id, severity, about, remedy }) => `### ${id}\n\n${severity}. ${about}\n\n${remedy}\n`,
    );
    const head = readFileSync(url("docs/argo-lint.md"), "utf8").split("<!-- rules: written by a test -->")[0];
    const whole = `${head}<!-- rules: written by a test -->\n\n${rows.join("\n")}`;
    await expect(whole).toMatchFileSnapshot(fileURLToPath(url("docs/argo-lint.md")));
  });

  it("has a case for every rule", () => {
    expect(Object.keys(bad).sort()).toEqual(lintRules.map(({ id }) => id).sort());
  });
});
