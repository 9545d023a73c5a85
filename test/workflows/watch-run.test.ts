import { describe, expect, test, vi } from "vitest";
import { ClusterRuns } from "../../src/workflows/cluster-runs.ts";
import { renderRuns, renderStatus } from "../../src/workflows/render-status.ts";
import { describeRun } from "../../src/workflows/run-status.ts";
import { watchRun } from "../../src/workflows/watch-run.ts";
import { createWatchView } from "../../src/workflows/watch-view.ts";
import type { Workflow } from "../../src/workflows/workflow.ts";
import { startFake } from "../servers/kubernetes/fake-api-server.ts";
import { cellNode, makeWorkflow, stepNodes } from "./made-workflow.ts";

const headline = {
  parameters: [
    { name: "outputTokensPerSecond", value: "412.3" },
    { name: "ttftMs", value: "31.2" },
    { name: "verdict", value: "valid" },
  ],
};
const done = cellNode("fast--tiny", {
  phase: "Succeeded",
  outputs: headline,
  finishedAt: "2026-11-24T10:01:05Z",
});
const failed = [
  cellNode("slow--tiny", { phase: "Failed", finishedAt: "2026-11-24T10:00:40Z" }),
  ...stepNodes("slow--tiny", "wait-healthy", {
    phase: "Failed",
    message: "slow--tiny: the image registry.example/engine:9 cannot be pulled\nwhat to do: check its name",
    outputs: { exitCode: "1" },
  }),
];
const nowMs = Date.parse("2026-11-24T10:02:00Z");

/** What a stream of 80 columns got; on a terminal what was drawn over is left in. */
function sink(isTTY: boolean) {
  const parts: string[] = [];
  return { stream: { isTTY, columns: 80, write: (text: string) => parts.push(text) }, parts };
}

describe("watching a run", () => {
  const path = "/apis/argoproj.io/v1alpha1/namespaces/bench/workflows/llmbench-demo-x7k2p";

  test("shows each change until it is over, also past an API server that goes away", async () => {
    const { server, client } = await startFake({ patienceMs: 5000 });
    const runs = new ClusterRuns(client, "bench");
    const put = (workflow: Workflow) => server.put(path, { ...workflow });
    put(makeWorkflow([], { phase: "Pending", message: "queued" }));
    const { stream, parts } = sink(false);
    const view = createWatchView(stream, { color: false, live: false });
    const watching = watchRun(runs, "llmbench-demo-x7k2p", view, new AbortController().signal);
    await vi.waitFor(() => expect(parts.join("")).toContain("queued"));
    put(makeWorkflow([cellNode("fast--tiny"), ...stepNodes("fast--tiny", "sweep", {})]));
    await vi.waitFor(() => expect(parts.join("")).toContain("fast--tiny: sweep\n"));
    await server.close();
    await server.listen();
    put(makeWorkflow([done, ...failed], { phase: "Failed" }));
    expect((await watching).phase).toBe("Failed");
    expect(parts.join("")).toBe(
      [
        "queued",
        "fast--tiny: sweep",
        "✓ fast--tiny  55 s  412.3 tok/s, TTFT 31 ms, valid",
        "✗ slow--tiny  30 s  failed: wait-healthy",
        "    slow--tiny: the image registry.example/engine:9 cannot be pulled",
        "",
      ].join("\n"),
    );
  });

  test("ends when the Workflow is deleted, and when it is told to", async () => {
    const { server, client } = await startFake({ patienceMs: 5000 });
    const runs = new ClusterRuns(client, "bench");
    const view = createWatchView(sink(false).stream, { color: false, live: false });
    server.put(path, { ...makeWorkflow() });
    const watching = watchRun(runs, "llmbench-demo-x7k2p", view, new AbortController().signal);
    await vi.waitFor(() => expect(server.watching(path.slice(0, path.lastIndexOf("/")))).toBe(1));
    server.take(path);
    await expect(watching).rejects.toMatchObject({ code: "CLUSTER_RUN_GONE" });
    server.put(path, { ...makeWorkflow() });
    const stop = new AbortController();
    const stopped = watchRun(runs, "llmbench-demo-x7k2p", view, stop.signal);
    stop.abort(new Error("enough"));
    await expect(stopped).rejects.toThrow("enough");
  });

  test("keeps one live line of less than the terminal's width", () => {
    const { stream, parts } = sink(true);
    const view = createWatchView(stream, { color: false, live: true, now: () => nowMs });
    const nodes = ["fast--tiny", "slow--tiny"].flatMap((cell) => [
      cellNode(cell),
      ...stepNodes(cell, "sweep", { progress: "50/200" }),
    ]);
    view.update(describeRun(makeWorkflow(nodes)));
    view.close();
    expect(parts).toEqual([
      "\r\u001b[2K0/2 cells  1 min 59 s  fast--tiny sweep 25 %, slow--tiny sweep 25 %",
      "\r\u001b[2K",
    ]);
  });
});

describe("the state of a run for a person", () => {
  const style = { columns: 80, color: false, nowMs };

  test("names cells with their numbers, and of each failure what happened and what to do", () => {
    const status = describeRun(
      makeWorkflow([done, ...failed], { phase: "Failed", finishedAt: "2026-11-24T10:01:30Z" }),
    );
    expect(renderStatus(status, style)).toBe(
      [
        "llmbench-demo-x7k2p  Failed  1 min 29 s",
        "",
        "✓ fast--tiny  done  412.3 tok/s, TTFT 31 ms, valid",
        "✗ slow--tiny  failed: wait-healthy",
        "",
        "slow--tiny: wait-healthy Failed (exit 1)",
        "  slow--tiny: the image registry.example/engine:9 cannot be pulled",
        "  what to do: check its name",
        "",
      ].join("\n"),
    );
  });

  test("never has a line over the width, nor a character that steers the terminal", () => {
    const message = `\u001b[31m${"a long word ".repeat(40)}`;
    const long = "x".repeat(120);
    const status = describeRun(
      makeWorkflow([
        cellNode(long, { phase: "Failed" }),
        ...stepNodes(long, "sweep", { phase: "Failed", message }),
      ]),
    );
    for (const line of renderStatus(status, style).split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect(renderStatus(status, style)).not.toContain("\u001b");
  });

  test("lists runs, one a line", () => {
    const runs = [describeRun(makeWorkflow([done, ...failed], { phase: "Running" }))];
    expect(renderRuns(runs, style)).toBe(
      [
        "RUN                  PHASE    CELLS          TOOK        BEGUN",
        "llmbench-demo-x7k2p  Running  1/2, 1 failed  1 min 59 s  2 min 0 s ago",
        "",
      ].join("\n"),
    );
  });
});
