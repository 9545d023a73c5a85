import { expect, test, vi } from "vitest";
import type { RunRecord } from "../../src/results/schema/run.ts";
import { interruptedError } from "../../src/steps/interrupted.ts";

const record = (cluster?: { namespace: string }) => ({ plan: { cluster } }) as RunRecord;

test("who stops a run on this machine is told how to go on with it here", () => {
  const { message, hint } = interruptedError({ path: "/elsewhere/r", record: record() });
  expect(message).toBe("stopped before the end");
  expect(hint).toContain("llmbench run --resume /elsewhere/r");
});

test("who stops a workflow's step is told how to retry the workflow", () => {
  vi.stubEnv("LLMBENCH_WORKFLOW", "a10-x7k2p");
  const { message, hint } = interruptedError({ path: "/results/r", record: record({ namespace: "bench" }) });
  expect(message).toContain("the step's pod was told to end");
  expect(hint).toContain("argo retry -n bench a10-x7k2p");
});
