import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { build } from "../../pipelines/build.ts";
import { clusterRun } from "../../pipelines/names.ts";
import { readPlan } from "../../src/config/read-plan.ts";
import { afterSubmit } from "../../src/workflows/after-submit.ts";
import { ClusterRuns } from "../../src/workflows/cluster-runs.ts";
import { ClusterObject, pathOf } from "../../src/workflows/object-paths.ts";
import { submitRun } from "../../src/workflows/submit-run.ts";
import { answer, type FakeApiServer, type Stored, startFake } from "../servers/kubernetes/fake-api-server.ts";

const config = fileURLToPath(new URL("../../configs/cluster-test.yaml", import.meta.url));
const plan = clusterRun(await readPlan(config, { environment: null }));
const { files } = build(plan);
const { namespace } = plan.cluster;
const argo = `/apis/argoproj.io/v1alpha1`;
const templatePath = `${argo}/namespaces/${namespace}/workflowtemplates/llmbench-cluster-test`;

/** A cluster with Argo, and with what the named files make. */
async function cluster(...there: string[]) {
  const { server, client } = await startFake({ patienceMs: 2000 });
  server.put(argo, { kind: "APIResourceList" });
  for (const { path, objects } of files) {
    if (!there.includes(path)) continue;
    for (const object of objects.map((each) => ClusterObject.parse(each)))
      server.put(pathOf(object), JSON.parse(JSON.stringify(object)) as Stored);
  }
  return { server, runs: new ClusterRuns(client, namespace) };
}

async function submit(runs: ClusterRuns, change: { applyAll?: boolean; run?: string } = {}) {
  const said: string[] = [];
  const submitted = await submitRun(runs, {
    files,
    applyAll: false,
    config: "my.yaml",
    say: (line) => said.push(line),
    ...change,
  });
  return { submitted, said };
}

const written = (server: FakeApiServer) => server.requests.filter((line) => !line.startsWith("GET"));

describe("submitting a config", () => {
  test("makes what is missing, says so, and creates the Workflow under a name of its own", async () => {
    const { server, runs } = await cluster("access.yaml", "storage.yaml");
    const { submitted, said } = await submit(runs);
    expect(submitted.run).toMatch(/^llmbench-cluster-test-[a-z0-9]{5}$/);
    const made = server.object(`${runs.path}/${submitted.run}`);
    expect(made).toMatchObject({
      kind: "Workflow",
      metadata: { namespace },
      spec: { workflowTemplateRef: { name: "llmbench-cluster-test" } },
    });
    expect(said).toEqual([
      expect.stringMatching(/^made {6}ConfigMap llmbench-cluster-test-[0-9a-f]{10} \(config.yaml\)$/),
      "made      ConfigMap llmbench-cluster-test-slots (config.yaml)",
      "made      ConfigMap llmbench-runs (config.yaml)",
      "made      WorkflowTemplate llmbench-cluster-test (benchmark.yaml)",
    ]);
  });

  test("changes what is other than built, and leaves the rest as it was", async () => {
    const { server, runs } = await cluster("access.yaml", "storage.yaml", "config.yaml", "benchmark.yaml");
    const template = server.object(templatePath);
    server.put(templatePath, { ...template, spec: { entrypoint: "another" } });
    const { said } = await submit(runs);
    expect(said.map((line) => line.slice(0, 9).trim())).toEqual([
      "as it was",
      "as it was",
      "as it was",
      "changed",
    ]);
  });

  test("takes over what kubectl apply set, so that what the config no longer says goes", async () => {
    const { server, runs } = await cluster("access.yaml", "storage.yaml", "benchmark.yaml");
    const fields = { "f:spec": { "f:parallelism": {} } };
    server.put(templatePath, {
      ...server.object(templatePath),
      metadata: {
        managedFields: [
          { manager: "kubectl-client-side-apply", operation: "Update", fieldsV1: fields },
          { manager: "workflow-controller", operation: "Update", fieldsV1: {} },
        ],
      },
    });
    await submit(runs);
    expect(server.object(templatePath)?.metadata.managedFields).toMatchObject([
      { manager: "llmbench", operation: "Apply", fieldsV1: fields },
      { manager: "workflow-controller", operation: "Update" },
    ]);
  });

  test("changes nobody's rights by the way, and names the file where they differ", async () => {
    const { server, runs } = await cluster("access.yaml", "storage.yaml");
    const role = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles/llmbench-server`;
    server.put(role, { ...server.object(role), rules: [] });
    const { said } = await submit(runs);
    expect(said[0]).toBe(
      "left      access.yaml: other than built: Role llmbench-server (kubectl apply -f of that file, or --apply)",
    );
    expect(written(server).filter((line) => /role|serviceaccount|persistent/.test(line))).toEqual([]);
  });

  test("writes nothing where a step could not start, and says what is missing and what to apply", async () => {
    const { server, runs } = await cluster("access.yaml");
    await expect(submit(runs)).rejects.toMatchObject({
      code: "SUBMIT_NOT_APPLIED",
      details: [
        "PersistentVolumeClaim llmbench-cluster-test-models (storage.yaml)",
        "PersistentVolumeClaim llmbench-cluster-test-results (storage.yaml)",
      ],
      hint: expect.stringContaining("llmbench submit my.yaml --apply"),
    });
    expect(written(server)).toEqual([]);
  });

  test("applies all of it where it is asked to", async () => {
    const { said } = await submit((await cluster()).runs, { applyAll: true });
    expect(said).toContain("made      Role llmbench-teardown (access.yaml)");
    expect(said).toContain("made      PersistentVolumeClaim llmbench-cluster-test-results (storage.yaml)");
  });

  test("goes on where the person may not look at rights", async () => {
    const { server, runs } = await cluster("access.yaml", "storage.yaml");
    server.intercept = (_request, response, url) => {
      if (!url.pathname.includes("rbac")) return false;
      answer(response, 403, { kind: "Status", code: 403, message: "roles is forbidden" });
      return true;
    };
    const { said } = await submit(runs);
    expect(said[0]).toMatch(
      /^left {6}access.yaml: you may not look at Role llmbench-prepare, RoleBinding llmbench-prepare and 8 more$/,
    );
  });

  test("creates one Workflow where the answer to the first attempt was lost", async () => {
    const { server, runs } = await cluster("access.yaml", "storage.yaml");
    let lost = 0;
    server.intercept = (request, response, url) => {
      if (request.method !== "POST" || lost > 0) return false;
      lost += 1;
      server.put(`${url.pathname}/lost-answer`, { kind: "Workflow" });
      response.destroy();
      return true;
    };
    const { submitted } = await submit(runs);
    expect(lost).toBe(1);
    expect(server.object(`${runs.path}/${submitted.run}`)).toBeDefined();
  });

  test("goes on with an earlier run where its name is given", async () => {
    const { server, runs } = await cluster("access.yaml", "storage.yaml");
    const { submitted } = await submit(runs, { run: "earlier" });
    expect(submitted.run).toBe("earlier");
    expect(server.object(`${runs.path}/${submitted.workflows[0]}`)).toMatchObject({
      spec: { arguments: { parameters: [{ name: "run", value: "earlier" }] } },
    });
  });

  test("says that Argo is not installed", async () => {
    const { client } = await startFake({ patienceMs: 500 });
    await expect(submit(new ClusterRuns(client, namespace))).rejects.toMatchObject({
      code: "ARGO_NOT_INSTALLED",
    });
  });
});

test("what is printed after it names how to look and where results will be", () => {
  const lines = afterSubmit({ run: "demo-1", workflows: ["demo-1"] }, plan.cluster, {});
  expect(lines.join("\n")).toBe(readFileSync(new URL("after-submit.txt", import.meta.url), "utf8").trimEnd());
});
