import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { benchmark } from "../../pipelines/benchmark.ts";
import { build } from "../../pipelines/build.ts";
import { type ClusterRun, clusterRun } from "../../pipelines/names.ts";
import { readPlan } from "../../src/config/read-plan.ts";
import { finishedWorkflow, goBytes } from "./finished-workflow.ts";

const MiB = 1024 * 1024;

/** configs/cluster-test.yaml with `count` cells, a profile of each, and names of this length. */
async function planOf(count: number, nameLength = 40): Promise<ClusterRun> {
  const config = fileURLToPath(new URL("../../configs/cluster-test.yaml", import.meta.url));
  const plan = clusterRun(await readPlan(config, { environment: null }));
  const cells = Array.from({ length: count }, (_, k) => {
    const cell = plan.cells[k % plan.cells.length];
    if (cell === undefined) throw new RangeError("no cell");
    return { ...cell, id: `${`${cell.id}-`.padEnd(nameLength - 4, "x")}-${k}` };
  });
  return {
    ...plan,
    cells,
    profiling: {
      tool: "nsys",
      source: { kind: "path" },
      trace: ["cuda"],
      concurrency: 4,
      outputTokens: 64,
      requests: 16,
      allowNoCuda: false,
    },
  };
}

describe("the finished Workflow object of 199 cells", () => {
  it.each([
    ["whose cells all succeeded", false],
    ["whose cells all failed in their last step, with as much to say as a step may", true],
  ])("%s is more than Argo takes as it is, and fits once packed", async (_, failed) => {
    const plan = await planOf(199);
    const { whole, packed, nodes } = finishedWorkflow(
      benchmark(plan),
      plan.cells.map(({ id }) => id),
      failed,
    );
    expect(nodes).toBeGreaterThan(199 * 15);
    expect(goBytes(whole)).toBeGreaterThan(MiB);
    expect(goBytes(packed)).toBeLessThan(MiB);
    expect(build(plan).warnings).toEqual([]);
    // What build reckons with is not less than what it is.
    const cellBytes = goBytes(packed.status.compressedNodes) / plan.cells.length;
    expect(cellBytes).toBeLessThan(2_000);
  });
});

describe("a config that is too large", () => {
  it("is built with a warning where Argo could not keep its finished run", async () => {
    const plan = { ...(await planOf(199)), description: "x".repeat(250_000) };
    expect(build(plan).warnings).toEqual([
      expect.stringMatching(/^A finished run of \S+ may take 1,\d\d\d kB, and Argo keeps 1,049: /),
    ]);
  });

  it("is not built where no ConfigMap holds it", async () => {
    const plan = await planOf(199);
    const cells = plan.cells.map((cell) => ({
      ...cell,
      points: Array.from({ length: 20 }, () => cell.points).flat(),
    }));
    expect(() => build({ ...plan, cells })).toThrow(
      /and its plugins take [\d,]+ kB, and a ConfigMap \(\S+\) holds 1,049\.$/,
    );
  });
});
