import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { describeRun, exitStatusOf } from "../../src/workflows/run-status.ts";
import { nodesOf } from "../../src/workflows/workflow.ts";
import { cellNode, makeWorkflow, stepNodes } from "./made-workflow.ts";

const headline = {
  parameters: [
    { name: "outputTokensPerSecond", value: "412.3" },
    { name: "ttftMs", value: "31.2" },
    { name: "verdict", value: "valid" },
  ],
};
const stateOf = (workflow: ReturnType<typeof makeWorkflow>) =>
  Object.fromEntries(describeRun(workflow).cells.map((cell) => [cell.cell, cell]));

describe("the state of a run", () => {
  test("names every cell of the template, also one that has not begun", () => {
    const { cells } = describeRun(makeWorkflow());
    expect(cells).toEqual([
      { cell: "fast--tiny", state: "not begun", failures: [] },
      { cell: "slow--tiny", state: "not begun", failures: [] },
    ]);
  });

  test("tells the step that goes on and how far it is", () => {
    const nodes = [
      cellNode("fast--tiny"),
      ...stepNodes("fast--tiny", "warmup", { phase: "Succeeded" }),
      ...stepNodes("fast--tiny", "sweep", { phase: "Running", progress: "137/400" }),
    ];
    expect(stateOf(makeWorkflow(nodes))["fast--tiny"]).toMatchObject({
      state: "running",
      step: "sweep",
      progress: 0.3425,
    });
  });

  test("takes the headline from a cell's outputs, and from its sweep while the rest goes on", () => {
    const done = cellNode("fast--tiny", { phase: "Succeeded", outputs: headline });
    const profiled = [
      cellNode("slow--tiny"),
      ...stepNodes("slow--tiny", "sweep", { phase: "Succeeded", outputs: headline }),
      ...stepNodes("slow--tiny", "profile", { phase: "Running" }),
    ];
    const cells = stateOf(makeWorkflow([done, ...profiled]));
    const numbers = { outputTokensPerSecond: 412.3, ttftMs: 31.2, verdict: "valid" };
    expect(cells["fast--tiny"]).toMatchObject({ state: "done", headline: numbers });
    expect(cells["slow--tiny"]).toMatchObject({ state: "running", step: "profile", headline: numbers });
  });

  test("says in words what is waited for: a place of a pool, a node, another run", () => {
    const waiting = "bench/ConfigMap/llmbench-demo-slots/a10";
    const nodes = [
      cellNode("fast--tiny", { phase: "Pending", synchronizationStatus: { waiting } }),
      cellNode("slow--tiny"),
      ...stepNodes("slow--tiny", "deploy", {
        phase: "Pending",
        message:
          "Unschedulable: 0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available",
      }),
    ];
    const cells = stateOf(makeWorkflow(nodes));
    expect(cells["fast--tiny"]).toMatchObject({
      state: "waiting",
      waits: "waits for a free place in pool a10 (semaphore llmbench-demo-slots/a10)",
    });
    expect(cells["slow--tiny"]?.waits).toBe(
      "its pod waits for a node: 0/3 nodes are available: 3 Insufficient cpu",
    );
    const held = makeWorkflow([], {
      phase: "Pending",
      synchronization: {
        // As Argo 4.1.2 writes it, of two workflows with one semaphore.
        semaphore: {
          waiting: [
            {
              semaphore: "bench/ConfigMap/llmbench-runs/at-once",
              holders: ["bench/llmbench-demo-abcde"],
            },
          ],
        },
      },
    });
    expect(describeRun(held).waits).toBe(
      "waits for run llmbench-demo-abcde to end: one run at a time in this namespace (semaphore llmbench-runs/at-once)",
    );
  });

  test("counts the last attempt of a step alone, and no teardown that only repeats a failure", () => {
    const failed = { phase: "Failed", message: "CUDA out of memory", outputs: { exitCode: "1" } };
    const nodes = [
      cellNode("fast--tiny", { phase: "Failed" }),
      ...stepNodes("fast--tiny", "deploy", { phase: "Succeeded" }, [
        { phase: "Error", message: "pod deleted" },
      ]),
      ...stepNodes("fast--tiny", "wait-healthy", failed),
      ...stepNodes("fast--tiny", "teardown", { phase: "Failed", outputs: { exitCode: "75" } }),
    ];
    const cell = stateOf(makeWorkflow(nodes, { phase: "Failed" }))["fast--tiny"];
    expect(cell).toMatchObject({ state: "failed", step: "wait-healthy" });
    expect(cell?.failures).toMatchObject([
      { step: "wait-healthy", message: "CUDA out of memory", exitCode: 1 },
    ]);
  });

  test("reads nodes that Argo compressed, and says when they are in its database", () => {
    const plain = makeWorkflow([cellNode("fast--tiny", { phase: "Succeeded" })]);
    const compressedNodes = gzipSync(JSON.stringify(plain.status?.nodes)).toString("base64");
    const compressed = makeWorkflow([], { compressedNodes });
    expect(nodesOf(compressed)).toEqual(nodesOf(plain));
    expect(describeRun(makeWorkflow([], { offloadNodeStatusVersion: "fnv:1" }))).toMatchObject({
      offloaded: true,
      cells: [],
    });
  });
});

describe("the exit status of a watched run", () => {
  const ended = (exitCode: string, phase = "Failed") =>
    exitStatusOf(
      describeRun(
        makeWorkflow(
          [
            cellNode("fast--tiny", { phase }),
            ...stepNodes("fast--tiny", "sweep", { phase, outputs: { exitCode } }),
            ...stepNodes("fast--tiny", "teardown", { phase, outputs: { exitCode: "75" } }),
          ],
          { phase },
        ),
      ),
    );

  test("is a local run's: 0, 3 for verdicts alone, else 1", () => {
    expect(ended("0", "Succeeded")).toBe(0);
    expect(ended("3")).toBe(3);
    expect(ended("1")).toBe(1);
  });

  test("is 1 where nothing says why", () => {
    expect(exitStatusOf(describeRun(makeWorkflow([], { phase: "Error", message: "deadline" })))).toBe(1);
  });
});
