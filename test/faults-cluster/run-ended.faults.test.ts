import { describe, expect, it } from "vitest";
import { call } from "../cluster/cluster.ts";
import { serversOf } from "./cluster-client.ts";
import type { FaultConfig } from "./fault-config.ts";
import { cellOf, FaultRun } from "./fault-run.ts";
import { addRow } from "./fault-table.ts";
import { missing, namespace } from "./place.ts";
import { evictStep } from "./strikes.ts";
import { cellsRetry, expectNoServers, itOutlives, plainRetry, unjudged } from "./whole-run.ts";

const two: Omit<FaultConfig, "name"> = { longSeconds: 30 };
/** One server at a time: while `sglang` is measured, `vllm` waits for the semaphore. */
const queue: Omit<FaultConfig, "name"> = {
  longSeconds: 20,
  cluster: {
    pools: { a10: { nodeSelector: { "node.kubernetes.io/instance-type": "VM.GPU.A10.2" }, servers: 1 } },
  },
};

/** Of a step that got SIGTERM: Argo's own word for it is replaced by the step's last. */
const toldToEnd = [/the step's pod was told to end/, /what to do: .*argo retry/];

async function untilMeasured(run: FaultRun, variant: string): Promise<void> {
  await run.untilMeasuring(cellOf(run.plan, variant), "long", 900);
}

/** The first cell is being measured, the second has no step. */
async function untilOneWaits(run: FaultRun): Promise<void> {
  await untilMeasured(run, "sglang");
  expect(await run.step("deploy", cellOf(run.plan, "vllm"))).toBeUndefined();
}

function argo(verb: "stop" | "terminate", run: FaultRun): void {
  call("argo", [verb, "-n", namespace, run.name]);
}

/** Nothing has taken the server of the cell that was measured away. */
async function expectServer(run: FaultRun): Promise<void> {
  expect((await serversOf(run.name)).filter((name) => name.startsWith("deployments/"))).toHaveLength(1);
}

/** The next run's prepare takes away what a terminated one has left. */
async function nextRun(run: FaultRun): Promise<void> {
  await expectServer(run);
  const next = await FaultRun.start({
    name: "after-terminate",
    variants: ["vllm"],
    longSeconds: 5,
    more: unjudged,
  });
  await next.untilStep("prepare", undefined, ["Succeeded"]);
  expect(await serversOf(run.name)).toEqual([]);
  expect((await next.untilEnded()).phase).toBe("Succeeded");
  await expectNoServers(next);
  next.delete();
}

/**
 * A run whose deadline passes while it measures, and that a retry, which has as much time again, can finish: how long the
 * steps before a sweep take on this cluster is seen first.
 */
async function whoseDeadlinePasses(): Promise<FaultConfig> {
  const once = await FaultRun.start({
    name: "no-deadline",
    variants: ["vllm"],
    longSeconds: 5,
    more: unjudged,
  });
  expect((await once.untilEnded()).phase).toBe("Succeeded");
  const { startedAt = "" } = (await once.step("sweep", cellOf(once.plan, "vllm"))) ?? {};
  const begun = (await once.workflow()).status?.startedAt ?? "";
  const before = (Date.parse(startedAt) - Date.parse(begun)) / 1000;
  once.delete();
  // Of both points and what is between them. It ends with some to go, and the retry, whose machine may be busier, has room.
  const repetitionSeconds = 14;
  return {
    name: "deadline",
    variants: ["vllm"],
    longSeconds: 10,
    load: { repetitions: Math.ceil((75 + before / 2) / repetitionSeconds) },
    cluster: { deadline: `${Math.round(60 + 1.5 * before)}s` },
  };
}

describe.skipIf(missing !== undefined)("a run that is ended before its time", () => {
  itOutlives({
    fault: "argo stop while cells run",
    config: { name: "stop-running", ...two },
    strike: async (run) => {
      await untilMeasured(run, "vllm");
      argo("stop", run);
    },
    ends: "Failed",
    failing: { step: "sweep", variant: "vllm", says: toldToEnd },
  });

  itOutlives({
    fault: "argo stop while a cell waits for its turn",
    config: { name: "stop-waiting", ...queue },
    strike: async (run) => {
      await untilOneWaits(run);
      argo("stop", run);
    },
    ends: "Failed",
    failing: { step: "teardown", variant: "vllm", says: [/CELL_NOT_SUCCEEDED/] },
  });

  itOutlives({
    fault: "argo terminate while a cell waits; the next run",
    config: { name: "terminate-waiting", ...queue },
    strike: async (run) => {
      await untilOneWaits(run);
      argo("terminate", run);
    },
    ends: "Failed",
    failing: { step: "sweep", variant: "sglang", says: [/workflow shutdown with strategy: +Terminate/] },
    leftovers: nextRun,
    retries: [
      [plainRetry, "Failed"],
      [plainRetry, "Succeeded"],
    ],
  });

  itOutlives({
    fault: "argo terminate while a cell waits; cells from deploy",
    config: { name: "terminate-cells", ...queue },
    strike: async (run) => {
      await untilOneWaits(run);
      argo("terminate", run);
    },
    ends: "Failed",
    failing: { step: "sweep", variant: "sglang", says: [/workflow shutdown with strategy: +Terminate/] },
    leftovers: expectServer,
    retries: [[cellsRetry, "Succeeded"]],
  });

  itOutlives({
    fault: "the deadline of the run",
    config: whoseDeadlinePasses,
    strike: async (run) => {
      await run.untilMeasuring(cellOf(run.plan, "vllm"), "long", 900);
    },
    ends: "Failed",
    failing: {
      step: "sweep",
      variant: "vllm",
      says: [/exceeded its deadline|longer than the specified deadline/],
    },
  });

  itOutlives({
    fault: "a step's pod evicted",
    config: { name: "evicted", ...two },
    strike: async (run) => {
      const cell = cellOf(run.plan, "vllm");
      await run.untilMeasuring(cell, "long", 900);
      const { id } = await run.untilStep("sweep", cell);
      evictStep(id);
    },
    // Argo sees that the pod is gone and makes another by itself.
    ends: "Succeeded",
  });

  it("argo terminate; the workflow deleted", async () => {
    const run = await FaultRun.start({
      name: "terminate-delete",
      ...two,
      variants: ["vllm"],
      more: unjudged,
    });
    await untilMeasured(run, "vllm");
    argo("terminate", run);
    expect((await run.untilEnded()).phase).toBe("Failed");
    await expectServer(run);
    const kept = run.finished();
    const begun = performance.now();
    run.delete();
    await expectNoServers(run);
    // What was measured lies on the share, whatever becomes of the workflow.
    expect(run.finished()).toEqual(kept);
    expect(kept.size).toBe(1);
    addRow({
      fault: "argo terminate; the workflow deleted",
      says: `servers gone ${((performance.now() - begun) / 1000).toFixed(0)} s after argo delete`,
      toFailure: undefined,
      retry: "none possible",
      retrySeconds: undefined,
      kept: kept.size,
      made: 0,
      serversLeft: 0,
    });
  });
});
