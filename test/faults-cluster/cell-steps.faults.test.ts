import { describe } from "vitest";
import { itHeals } from "./one-cell.ts";
import { missing } from "./place.ts";
import { killStep } from "./strikes.ts";

describe.skipIf(missing !== undefined)("a step of a cell that fails once", () => {
  itHeals({
    fault: "sweep killed",
    config: { name: "sweep-killed", longSeconds: 15 },
    strikes: "vllm",
    step: "sweep",
    says: [/137/],
    finishedBefore: 1,
    strike: async (run, cell) => {
      await run.untilMeasuring(cell, "long");
      const { id } = await run.untilStep("sweep", cell);
      await killStep(id, "SIGKILL");
    },
  });
});
