import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { ClusterRuns } from "../../src/workflows/cluster-runs.ts";
import { argoWords, planRetry, requestRetry, shellLine } from "../../src/workflows/retry-run.ts";
import type { CellState, RunStatus } from "../../src/workflows/run-status.ts";
import { untilPodsEnded } from "../../src/workflows/until-pods-ended.ts";
import { type FakeApiServer, startFake } from "../servers/kubernetes/fake-api-server.ts";

const failure = { step: "sweep", phase: "Failed", message: "no answer", exitCode: 1 };
const cell = (name: string, state: CellState["state"], failures = state === "failed" ? [failure] : []) => ({
  cell: name,
  state,
  failures,
});

function status(cells: readonly CellState[], change: Partial<RunStatus> = {}): RunStatus {
  return {
    run: "demo-1",
    workflow: "demo-1",
    namespace: "bench",
    phase: "Failed",
    offloaded: false,
    steps: [],
    cells,
    ...change,
  };
}

describe("what is asked of Argo", () => {
  test("is a plain retry, which names the cells that failed", () => {
    const plan = planRetry(status([cell("a", "failed"), cell("b", "done")]));
    expect(plan.request).toEqual({});
    expect(plan.notes.join()).toContain("run again: a.");
  });

  test("is the whole cell for --cell, and the other cells that failed are named", () => {
    const plan = planRetry(status([cell("a", "failed"), cell("b", "done"), cell("c", "failed")]), "b");
    expect(argoWords("bench", "demo-1", plan.request)).toEqual([
      "retry",
      "-n",
      "bench",
      "demo-1",
      "--restart-successful",
      "--node-field-selector",
      "templateName=cell,inputs.parameters.cell.value=b",
    ]);
    expect(plan.notes.join("\n")).toContain("other cells too: a, c.");
  });

  test("is every failed cell where some only waited when the run was terminated", () => {
    const cells = [cell("a", "failed"), cell("b", "failed", [])];
    const plan = planRetry(status(cells, { shutdown: "Terminate" }));
    expect(plan.request).toEqual({
      restartSuccessful: true,
      nodeFieldSelector: "templateName=cell,phase=Failed",
    });
    expect(plan.notes.join()).toContain("terminated while cells waited: b.");
    expect(planRetry(status(cells, { shutdown: "Stop" })).request).toEqual({});
  });

  test("is nothing for a run that goes on or succeeded, nor for a cell that it lacks", () => {
    const cells = [cell("vllm--tiny", "done")];
    const code = (change: Partial<RunStatus>, wanted?: string) => {
      try {
        planRetry(status(cells, change), wanted);
      } catch (error) {
        return error;
      }
      return undefined;
    };
    expect(code({ phase: "Running" })).toMatchObject({ code: "RETRY_NOT_OVER", exitStatus: 2 });
    expect(code({ phase: "Succeeded" })).toMatchObject({ code: "RETRY_NOTHING" });
    expect(code({}, "vlm--tiny")).toMatchObject({ code: "CELL_UNKNOWN", hint: "Did you mean vllm--tiny?" });
    expect(planRetry(status(cells, { phase: "Succeeded" }), "vllm--tiny").request.restartSuccessful).toBe(
      true,
    );
  });
});

describe("pods of the run that are still ending", () => {
  const path = "/api/v1/namespaces/bench/pods";
  const put = (server: FakeApiServer, name: string, phase: string, workflow = "demo-1") =>
    server.put(`${path}/${name}`, {
      metadata: { labels: { "workflows.argoproj.io/workflow": workflow } },
      status: { phase },
    });

  test("are waited for: Argo would leave a step of the same name Pending", async () => {
    const { server, client } = await startFake();
    put(server, "sweep-1", "Running");
    put(server, "deploy-1", "Failed");
    put(server, "other", "Running", "demo-2");
    const told: string[] = [];
    let over = false;
    const waited = untilPodsEnded(new ClusterRuns(client, "bench"), "demo-1", (text) => told.push(text)).then(
      () => (over = true),
    );
    await vi.waitFor(() => expect(told).toEqual(["waiting for pods that are still ending: sweep-1"]));
    expect(over).toBe(false);
    put(server, "sweep-1", "Failed");
    await waited;
    expect(told).toHaveLength(1);
  });

  test("are not looked at where they may not be listed", async () => {
    const { server, client } = await startFake();
    server.intercept = (_request, response) => {
      response.writeHead(403).end(JSON.stringify({ message: "pods is forbidden" }));
      return true;
    };
    await untilPodsEnded(new ClusterRuns(client, "bench"), "demo-1", () => expect.unreachable());
  });
});

describe("who is asked", () => {
  /** An `argo` that writes its words to a file and ends as told. */
  function fakeArgo(script: string): { env: NodeJS.ProcessEnv; folder: string } {
    const folder = mkdtempSync(join(tmpdir(), "llmbench-argo-"));
    const file = join(folder, "argo");
    writeFileSync(file, `#!/bin/sh\necho "$@" > ${folder}/words\n${script}\n`);
    chmodSync(file, 0o755);
    return { env: { PATH: `${folder}:/usr/bin:/bin` }, folder };
  }

  test("argo where it is on PATH, and what it says where it refuses", async () => {
    const good = fakeArgo("exit 0");
    expect(await requestRetry("bench", "demo-1", {}, good.env)).toBe("argo");
    expect(readFileSync(join(good.folder, "words"), "utf8")).toBe("retry -n bench demo-1\n");
    const bad = fakeArgo("echo cannot retry >&2; exit 1");
    await expect(requestRetry("bench", "demo-1", {}, bad.env)).rejects.toMatchObject({
      code: "RETRY_FAILED",
      details: ["cannot retry"],
    });
  });

  async function argoServer(status: number, body: unknown) {
    const asked: { method?: string; url?: string; authorization?: string; body: unknown }[] = [];
    const server = createServer((request, response) => {
      const { method = "", url = "", headers } = request;
      const { authorization = "" } = headers;
      void text(request).then((sent) => {
        asked.push({ method, url, authorization, body: JSON.parse(sent) });
        response.writeHead(status).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const env = {
      PATH: "/nowhere",
      ARGO_SERVER: `127.0.0.1:${port}`,
      ARGO_SECURE: "false",
      ARGO_TOKEN: "Bearer t",
    };
    return { env, asked };
  }

  test("its server where there is no argo", async () => {
    const { env, asked } = await argoServer(200, {});
    const request = { restartSuccessful: true, nodeFieldSelector: "templateName=cell" };
    expect(await requestRetry("bench", "demo-1", request, env)).toBe("server");
    expect(asked).toEqual([
      {
        method: "PUT",
        url: "/api/v1/workflows/bench/demo-1/retry",
        authorization: "Bearer t",
        body: { namespace: "bench", name: "demo-1", ...request },
      },
    ]);
  });

  test("its server's refusal is told in its words, without the token", async () => {
    const { env } = await argoServer(403, { message: "not allowed" });
    const refused = await requestRetry("bench", "demo-1", {}, env).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "ARGO_SERVER_FAILED" });
    expect(String(refused)).toContain("HTTP 403: not allowed");
    expect(String(refused)).not.toContain("Bearer t");
  });

  test("nobody where there is neither", async () => {
    expect(await requestRetry("bench", "demo-1", {}, { PATH: "/nowhere" })).toBeUndefined();
  });

  test("a command is printed as a shell takes it", () => {
    expect(shellLine(["argo", "retry", "it's", "a=b,c=d"])).toBe(`argo retry 'it'\\''s' a=b,c=d`);
  });
});
