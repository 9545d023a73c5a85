import { describe, expect, test } from "vitest";
import { ClusterRuns } from "../../src/workflows/cluster-runs.ts";
import { answer, startFake } from "../servers/kubernetes/fake-api-server.ts";
import { makeWorkflow } from "./made-workflow.ts";

const path = "/apis/argoproj.io/v1alpha1/namespaces/bench/workflows";

async function cluster(...names: string[]) {
  const { server, client } = await startFake({ patienceMs: 1000 });
  server.put("/api/v1/namespaces/bench", { kind: "Namespace" });
  for (const name of names) server.put(`${path}/${name}`, { ...makeWorkflow([], { name }) });
  return { server, client, runs: new ClusterRuns(client, "bench") };
}

describe("finding a run", () => {
  test("lists the benchmark's own, newest first", async () => {
    const { server, runs } = await cluster("llmbench-demo-aaaaa", "llmbench-demo-bbbbb");
    const younger = makeWorkflow([], { name: "llmbench-demo-bbbbb" });
    const metadata = { ...younger.metadata, creationTimestamp: "2026-11-24T11:00:00Z" };
    server.put(`${path}/llmbench-demo-bbbbb`, { ...younger, metadata });
    server.put(`${path}/llmbench-demo-models-ccccc`, {
      metadata: { name: "llmbench-demo-models-ccccc", labels: { "llmbench.dev/models": "llmbench-demo" } },
      spec: { workflowTemplateRef: { name: "llmbench-demo-models" } },
    });
    server.put(`${path}/others`, { spec: { workflowTemplateRef: { name: "etl" } } });
    const names = (await runs.list()).map((workflow) => workflow.metadata?.name);
    expect(names).toEqual(["llmbench-demo-bbbbb", "llmbench-demo-aaaaa"]);
  });

  test("finds it also by the name that the run was given", async () => {
    const { server, runs } = await cluster();
    const workflow = makeWorkflow([], { name: "llmbench-demo-aaaaa" });
    const parameters = [{ name: "run", value: "friday" }];
    server.put(`${path}/llmbench-demo-aaaaa`, {
      ...workflow,
      spec: { ...workflow.spec, arguments: { parameters } },
    });
    expect((await runs.find("friday")).metadata?.name).toBe("llmbench-demo-aaaaa");
  });

  test("names the nearest where there is none of that name", async () => {
    const { runs } = await cluster("llmbench-demo-x7k2p");
    await expect(runs.find("llmbench-demo-x7k2b")).rejects.toMatchObject({
      code: "CLUSTER_RUN_UNKNOWN",
      exitStatus: 2,
      hint: "Did you mean llmbench-demo-x7k2p?",
    });
  });

  test("says which namespace has it", async () => {
    const { server, runs } = await cluster("llmbench-other-11111");
    const elsewhere = makeWorkflow([], { name: "llmbench-demo-x7k2p" });
    const metadata = { ...elsewhere.metadata, namespace: "gpu" };
    server.put(path.replace("bench", "gpu").concat("/llmbench-demo-x7k2p"), { ...elsewhere, metadata });
    await expect(runs.find("llmbench-demo-x7k2p")).rejects.toMatchObject({
      hint: "It is in namespace gpu: add -n gpu",
    });
  });

  test("says that the namespace does not exist, with the nearest", async () => {
    const { client } = await cluster();
    await expect(new ClusterRuns(client, "bennch").list()).rejects.toMatchObject({
      code: "CLUSTER_NAMESPACE_UNKNOWN",
      hint: expect.stringContaining("Did you mean bench?"),
    });
  });

  test("says which right is missing, to a person", async () => {
    const { server, runs } = await cluster();
    const message =
      'workflows.argoproj.io is forbidden: User "jane" cannot list resource "workflows" in API group "argoproj.io" in the namespace "bench"';
    server.intercept = (_request, response) => {
      answer(response, 403, { kind: "Status", code: 403, message });
      return true;
    };
    await expect(runs.list()).rejects.toMatchObject({
      code: "CLUSTER_FORBIDDEN",
      message: "User jane may not list workflows.argoproj.io in namespace bench.",
      hint: "Ask who administers the cluster for this right. To check: kubectl auth can-i list workflows.argoproj.io -n bench",
    });
  });

  test("says that Argo is not installed", async () => {
    const { server, runs } = await cluster();
    server.intercept = (_request, response, url) => {
      if (!url.pathname.includes("argoproj")) return false;
      answer(response, 404, {
        kind: "Status",
        code: 404,
        message: "the server could not find the requested resource",
      });
      return true;
    };
    await expect(runs.find("x")).rejects.toMatchObject({ code: "ARGO_NOT_INSTALLED" });
  });
});
