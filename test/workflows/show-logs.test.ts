import { describe, expect, test, vi } from "vitest";
import { ClusterRuns } from "../../src/workflows/cluster-runs.ts";
import { checkCell } from "../../src/workflows/run-pods.ts";
import { followLogs, showLogs, whyNoLog } from "../../src/workflows/show-logs.ts";
import { type FakeApiServer, startFake } from "../servers/kubernetes/fake-api-server.ts";
import { cellNode, makeWorkflow, stepNodes } from "./made-workflow.ts";

const name = "llmbench-demo-x7k2p";
const pods = "/api/v1/namespaces/bench/pods";
const workflows = "/apis/argoproj.io/v1alpha1/namespaces/bench/workflows";
const sweeping = makeWorkflow([
  cellNode("fast--tiny"),
  ...stepNodes("fast--tiny", "deploy", { phase: "Succeeded" }),
  ...stepNodes("fast--tiny", "sweep", { phase: "Running" }),
]);

function putPods(server: FakeApiServer): void {
  server.put(`${pods}/sweep-pod`, {
    metadata: {
      labels: { "workflows.argoproj.io/workflow": name },
      annotations: { "workflows.argoproj.io/node-id": "fast--tiny-sweep-0" },
    },
    status: { phase: "Running" },
  });
  server.put(`${pods}/server-pod`, {
    metadata: {
      labels: {
        "app.kubernetes.io/managed-by": "llmbench",
        "app.kubernetes.io/component": "server",
        "llmbench.dev/run": name,
      },
      annotations: { "llmbench.dev/cell-id": "fast--tiny" },
    },
    status: { phase: "Running" },
  });
}

async function cluster() {
  const { server, client } = await startFake({ patienceMs: 2000 });
  server.put(`${workflows}/${name}`, { ...sweeping });
  putPods(server);
  server.intercept = (_request, response, url) => {
    const [, pod] = /\/pods\/([^/]+)\/log$/.exec(url.pathname) ?? [];
    if (pod === undefined) return false;
    const stamp = url.searchParams.has("timestamps") ? "2026-11-24T10:00:20Z " : "";
    response.writeHead(200).end(`${stamp}${pod} of ${url.searchParams.get("container")}\n`);
    return true;
  };
  return { server, runs: new ClusterRuns(client, "bench") };
}

describe("logs of a run", () => {
  test("are those of its steps and servers, each line with whose it is", async () => {
    const { runs } = await cluster();
    const lines: string[] = [];
    await showLogs(runs, sweeping, { write: (text) => lines.push(text) });
    expect(lines.sort()).toEqual([
      "fast--tiny server | server-pod of server\n",
      "fast--tiny sweep | sweep-pod of main\n",
    ]);
  });

  test("of one step stand alone", async () => {
    const { runs } = await cluster();
    const lines: string[] = [];
    await showLogs(runs, sweeping, { step: "server", write: (text) => lines.push(text) });
    expect(lines).toEqual(["server-pod of server\n"]);
  });

  test("are followed until the run is over, also of a pod that begins later", async () => {
    const { server, runs } = await cluster();
    server.take(`${pods}/server-pod`);
    const lines: string[] = [];
    const write = (text: string) => lines.push(text);
    const following = followLogs(runs, name, { write }, new AbortController().signal);
    await vi.waitFor(() => expect(lines).toEqual(["fast--tiny sweep | sweep-pod of main\n"]));
    putPods(server);
    await vi.waitFor(() => expect(lines).toContain("fast--tiny server | server-pod of server\n"));
    server.put(`${workflows}/${name}`, { ...makeWorkflow([], { phase: "Succeeded" }) });
    await following;
    expect(lines).toHaveLength(2);
  });

  test("that are gone are explained", () => {
    expect(whyNoLog(sweeping, { cell: "fast--tiny", step: "deploy" })).toEqual([
      "Pods of steps that succeeded are removed with their logs: deploy.",
    ]);
    expect(whyNoLog(sweeping, { cell: "slow--tiny" })).toEqual(["slow--tiny has not begun."]);
    expect(whyNoLog(sweeping, { step: "profile" })).toEqual(["No such step has begun."]);
  });

  test("of a cell that the run lacks are refused with the nearest", () => {
    expect(() => checkCell("fast-tiny", ["fast--tiny", "slow--tiny"])).toThrow(
      expect.objectContaining({ code: "CELL_UNKNOWN", hint: "Did you mean fast--tiny?" }),
    );
  });
});
