import { describe, expect, it } from "vitest";
import { capacitySentences, capacityTable } from "../../src/report/capacity.ts";
import { shareByLoad } from "../../src/report/plots/capacity.ts";
import { LIGHT } from "../../src/report/plots/palette.ts";
import { renderSvg } from "../../src/report/plots/svg.ts";
import type { CapacityResult } from "../../src/results/schema/capacity.ts";
import type { Results } from "../../src/results/schema/results.ts";
import { localRun } from "../fixtures/runs.ts";

const probes = [
  [1, 20],
  [5, 240],
  [6, 0],
].map(([load = 0, good = 0], i) => ({
  point: `capacity-c${load}`,
  repetition: 1,
  phase: i === 0 ? ("lone" as const) : ("refine" as const),
  load,
  requests: 240,
  good,
  judged: 240,
  clientFailed: false,
}));

/** A cliff between five and six streams. */
const cliff: CapacityResult = {
  id: "capacity-out64",
  block: "capacity",
  by: "concurrency",
  target: 0.95,
  status: "found",
  ended: "precision",
  capacity: 5,
  estimate: 5,
  interval: [5, 5],
  level: 0.95,
  curve: null,
  requestsPerSecond: 10,
  outputTokensPerSecond: 640,
  forLoad: 100,
  replicas: 20,
  requests: 500,
  seconds: 60,
  probes,
};

function runWith(...capacities: readonly CapacityResult[]): Results {
  const run = localRun();
  const [cell] = run.cells;
  if (cell === undefined) throw new Error("the run has no cell");
  return { ...run, cells: [{ ...cell, capacity: [...capacities] }] };
}

describe("What one server carries", () => {
  it("is whole where it is requests in flight, with the servers that a load takes", () => {
    const run = runWith(cliff);
    expect(capacitySentences(run)[0]).toMatch(
      /carries 5 in flight with 95 % of requests within every SLO \(95 % interval 5\); 100 in flight take 20 of such servers\.$/,
    );
    expect(capacityTable(run)?.groups[0]?.rows[0]?.slice(1, 3)).toMatchObject([
      { text: "5", note: "in flight" },
      { text: "5", note: "[5]" },
    ]);
  });

  it("is not said to be nothing where not even one stream was shown to be carried", () => {
    const run = runWith({ ...cliff, capacity: 0, estimate: 1, interval: [0, 1] });
    expect(capacitySentences(run)[0]).toMatch(/was not shown to carry even one in flight .*interval 0–1\)/);
  });

  it("is drawn where no curve goes through its probes", async () => {
    const plot = shareByLoad(runWith(cliff), LIGHT);
    expect(plot?.panels).toHaveLength(1);
    expect(plot?.table.groups[0]?.rows).toHaveLength(3);
    const [panel] = plot?.panels ?? [];
    if (panel === undefined) throw new Error("nothing is drawn");
    expect(JSON.stringify(panel.spec)).toContain('{"x":4.5,"x2":5.5}');
    expect(await renderSvg(panel.spec)).toContain("<svg");
  });

  it("is not drawn where nothing but one stream was measured", () => {
    expect(shareByLoad(runWith({ ...cliff, probes: probes.slice(0, 1) }), LIGHT)).toBeUndefined();
  });
});
