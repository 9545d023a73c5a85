import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Results } from "../../src/results/schema/results.ts";
import { makeRun } from "../fixtures/make-run.ts";
import {
  abRun,
  emptyRun,
  hostileRun,
  localRun,
  openLoopRun,
  simulatedRun,
  troubledRun,
} from "../fixtures/runs.ts";

/** Every kind of results that a report must be able to show, by name. */
export const ALL_RUNS: readonly (readonly [string, () => Results])[] = [
  ["a local run", localRun],
  ["a simulated run of four engines and two models", simulatedRun],
  ["a run with failures", troubledRun],
  ["an empty run", emptyRun],
  ["a run at offered rates", openLoopRun],
  ["a run with hostile names", hostileRun],
  ["an A/B", abRun],
];

/** Results assembled from a run folder as a real run leaves it. */
export async function assembledRun(): Promise<Results> {
  const base = await mkdtemp(join(tmpdir(), "llmbench-report-"));
  try {
    return (await makeRun(base, { slos: { ttftMs: 200, tpotMs: 60 } })).results;
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}
