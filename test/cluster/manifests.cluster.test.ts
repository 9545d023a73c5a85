import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BuiltFile, build } from "../../pipelines/build.ts";
import { call, clusterMissing } from "./cluster.ts";
import { clusterPlans, inNamespace } from "./configs.ts";

const missing = clusterMissing();
if (missing !== undefined) process.stderr.write(`cluster tests of manifests are skipped: ${missing}\n`);

interface Written {
  readonly name: string;
  readonly namespace: string;
  readonly folder: string;
  readonly files: readonly BuiltFile[];
}

const isRun = ({ path }: BuiltFile) => /^run(?:-\d+|-models)?\.yaml$/.test(path);
const isIndex = ({ path }: BuiltFile) => /^(?:README\.md|kustomization\.yaml)$/.test(path);

/** What `npm run build` writes, in namespaces of the test's own: nothing here is anyone's. */
describe.skipIf(missing !== undefined)("what every config with a cluster becomes", () => {
  const root = mkdtempSync(join(tmpdir(), "llmbench-manifests-"));
  let written: Written[] = [];

  beforeAll(async () => {
    written = (await clusterPlans()).map((plan) => {
      const namespace = `llmbench-dry-${plan.name}`;
      const folder = join(root, plan.name);
      const { files } = build(inNamespace(plan, namespace));
      mkdirSync(folder);
      for (const { path, text } of files) writeFileSync(join(folder, path), text);
      return { name: plan.name, namespace, folder, files };
    });
    // A dry run makes no namespace, and what goes into one needs it.
    for (const { namespace } of written)
      call(
        "kubectl",
        ["apply", "-f", "-"],
        `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${namespace} }\n`,
      );
  });

  afterAll(() => {
    for (const { namespace } of written) call("kubectl", ["delete", "namespace", namespace, "--wait=false"]);
    rmSync(root, { recursive: true });
  });

  it("passes argo lint", () => {
    expect(written.length).toBeGreaterThanOrEqual(3);
    for (const { name, folder, files } of written) {
      const argo = files.filter(({ text }) => /^apiVersion: argoproj\.io\//m.test(text));
      const paths = argo.map(({ path }) => join(folder, path));
      expect(
        argo.map(({ path }) => path),
        name,
      ).toEqual(expect.arrayContaining(["benchmark.yaml", "run.yaml"]));
      expect(call("argo", ["lint", "--offline", ...paths]), name).toContain("no linting errors found");
    }
  });

  it("is taken by the API server, each file of it", () => {
    const dry = ["--dry-run=server", "-o", "name"];
    for (const { name, folder, files } of written) {
      const applied = call("kubectl", ["apply", "-k", folder, "--server-side", "--force-conflicts", ...dry]);
      for (const file of files.filter(isRun))
        expect(call("kubectl", ["create", "-f", join(folder, file.path), ...dry]), name).toMatch(
          /^workflow\.argoproj\.io\//,
        );
      // Every object of every file was among them.
      const objects = files.filter((file) => !isRun(file) && !isIndex(file)).map(({ text }) => text);
      const kinds = objects.flatMap((text) => text.match(/^kind: .*$/gm) ?? []);
      expect(applied.trim().split("\n"), name).toHaveLength(kinds.length);
    }
  });
});
