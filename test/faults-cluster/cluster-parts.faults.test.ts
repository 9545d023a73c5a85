import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "vitest";
import { call } from "../cluster/cluster.ts";
import { until } from "./cluster-client.ts";
import { partsMissing, pauseApiServer, restartController } from "./cluster-parts.ts";
import { cellOf, type FaultRun } from "./fault-run.ts";
import { missing } from "./place.ts";
import { itOutlives } from "./whole-run.ts";

if (missing === undefined && partsMissing !== undefined)
  process.stderr.write(`faults of a cluster's parts are skipped: ${partsMissing}\n`);

/** The node of a cell's server. */
function nodeOf(run: FaultRun, cell: string): string {
  const file = join(run.folder, "cells", cell, "deployments", "1", "server.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { node: string }).node;
}

/** Takes no new pods, and evicts the run's servers, until its sweep has failed. */
async function drain(run: FaultRun, variant: string): Promise<void> {
  const cell = cellOf(run.plan, variant);
  await run.untilMeasuring(cell, "long", 900);
  const node = nodeOf(run, cell);
  try {
    const words = ["--pod-selector", `llmbench.dev/run=${run.name}`, "--delete-emptydir-data"];
    call("kubectl", ["drain", node, ...words]);
    await run.untilStep("sweep", cell, ["Failed", "Error"]);
  } finally {
    call("kubectl", ["uncordon", node]);
  }
}

describe.skipIf(missing !== undefined)("a cluster whose node goes away under a run", () => {
  itOutlives({
    fault: "GPU node drained during a point",
    config: { name: "drained", longSeconds: 25 },
    strike: async (run) => await drain(run, "vllm"),
    ends: "Failed",
    failing: {
      step: "sweep",
      variant: "vllm",
      says: [/SERVER_DIED/, /its pod on gpu-\d .*drained/, /kubectl uncordon gpu-\d/, /argo retry/],
    },
  });
});

describe.skipIf(partsMissing !== undefined)("a cluster whose parts go away under a run", () => {
  itOutlives({
    fault: "Argo's controller killed while cells are measured, started again once they are",
    config: { name: "controller", longSeconds: 10 },
    strike: async (run) => {
      const cells = run.plan.cells.map(({ id }) => id);
      for (const cell of cells) await run.untilMeasuring(cell, "long", 900);
      const measured = run.plan.cells.reduce((sum, { points }) => sum + points.length, 0);
      await restartController(
        async () =>
          await until("the sweeps to be done", () => (run.finished().size === measured ? true : undefined)),
      );
    },
    ends: "Succeeded",
  });

  itOutlives({
    fault: "API server away for 60 s while cells are measured",
    config: { name: "api-measured", longSeconds: 25 },
    strike: async (run) => {
      await run.untilMeasuring(cellOf(run.plan, "vllm"), "long", 900);
      await pauseApiServer(60);
    },
    ends: "Succeeded",
  });

  itOutlives({
    fault: "API server away for 60 s while servers start",
    config: {
      name: "api-started",
      longSeconds: 5,
      profiles: { vllm: { loadMs: 15_000 }, sglang: { loadMs: 15_000 } },
    },
    strike: async (run) => {
      await run.untilStep("wait-healthy", cellOf(run.plan, "vllm"));
      await pauseApiServer(60);
    },
    ends: "Succeeded",
  });
});
