import { readFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { planRetry } from "../../src/workflows/retry-run.ts";
import { describeRun, exitStatusOf } from "../../src/workflows/run-status.ts";
import { nodesOf, type Workflow } from "../../src/workflows/workflow.ts";

/** Workflows as a real controller left them (test/fixtures/workflows/README.md). */
function recorded(name: string): Workflow {
  const file = new URL(`../fixtures/workflows/${name}.json.gz`, import.meta.url);
  return JSON.parse(gunzipSync(readFileSync(file)).toString("utf8")) as Workflow;
}

test("a recorded run that succeeded is told with its numbers", () => {
  const status = describeRun(recorded("succeeded"));
  expect(status).toMatchObject({ phase: "Succeeded", config: "llmbench-demo", offloaded: false });
  expect(status.steps.map(({ step, phase }) => [step, phase])).toEqual([
    ["prepare", "Succeeded"],
    ["finish", "Succeeded"],
  ]);
  expect(status.cells.map(({ cell, state, headline }) => ({ cell, state, ...headline }))).toEqual([
    {
      cell: "vllm--tiny",
      state: "done",
      outputTokensPerSecond: 202.8,
      ttftMs: 23.74,
      verdict: "suspect",
      words: null,
    },
    {
      cell: "tgi--tiny",
      state: "done",
      outputTokensPerSecond: 87.42,
      ttftMs: 164.7,
      verdict: "suspect",
      words: null,
    },
  ]);
  expect(exitStatusOf(status)).toBe(0);
});

test("a recorded run with a cell that failed names its step alone, not the teardown that repeats it", () => {
  const status = describeRun(recorded("failed"));
  const [vllm, tgi] = status.cells;
  expect(vllm).toMatchObject({ cell: "vllm--tiny", state: "failed", step: "sweep" });
  expect(vllm?.failures).toHaveLength(1);
  expect(vllm?.failures[0]?.message).toContain("its Deployment was deleted");
  expect(tgi).toMatchObject({ state: "done", failures: [] });
  expect(exitStatusOf(status)).toBe(1);
  expect(planRetry(status).notes).toEqual(["The steps that failed run again: vllm--tiny."]);
});

test("recorded nodes read the same when Argo has compressed them", () => {
  const plain = recorded("failed");
  const { nodes, ...rest } = plain.status ?? {};
  const compressedNodes = gzipSync(JSON.stringify(nodes)).toString("base64");
  expect(nodesOf({ ...plain, status: { ...rest, compressedNodes } })).toEqual(nodesOf(plain));
});
