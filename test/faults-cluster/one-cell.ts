import { expect, it, onTestFinished } from "vitest";
import type { FaultConfig } from "./fault-config.ts";
import { cellOf, FaultRun } from "./fault-run.ts";
import { addRow, sayingOf } from "./fault-table.ts";

/** A fault that strikes one cell, once; or, without `strikes`, a step of the run or whatever shares with it. */
export interface Fault {
  /** In the table, and what `-t` chooses. */
  readonly fault: string;
  readonly config: FaultConfig;
  /** Variant whose cell is struck: the other is unharmed, and the cell alone can be run again. */
  readonly strikes?: string;
  /** Variant whose step is looked at, where more than one cell is struck. Default: the first. */
  readonly looksAt?: string;
  /** The step that fails. */
  readonly step: string;
  /** What its node says: what happened, and what to do. */
  readonly says: readonly RegExp[];
  /** Before the run begins: what is wrong from the start. */
  readonly before?: (cellOf: (variant: string) => string) => void | Promise<void>;
  /** Waits for its moment and strikes; resolves when it has. */
  readonly strike?: (run: FaultRun, cell: string) => void | Promise<void>;
  /** Once the step has failed. */
  readonly afterwards?: (run: FaultRun, cell: string) => void | Promise<void>;
  /** What a person does before the retry. */
  readonly cure?: (run: FaultRun, cell: string) => void | Promise<void>;
  /** Whatever happened, also where the test failed. */
  readonly putBack?: () => void;
  /** Measurements of the struck cell that were finished before. Default: none. */
  readonly finishedBefore?: number;
}

/** Steps that a run has once. */
const ofRun = new Set(["prepare", "finish"]);
const begun = ["Pending", "Running", "Failed", "Error"];

type Retry = "argo retry" | "llmbench retry --cell";

/** Two tests: the fault healed by a plain retry, and, of one cell, by one that runs the cell anew. */
export function itHeals(fault: Fault): void {
  const retries: readonly Retry[] =
    fault.strikes === undefined ? ["argo retry"] : ["argo retry", "llmbench retry --cell"];
  for (const retry of retries) {
    it(`${fault.fault}: ${retry}`, async () => {
      onTestFinished(() => fault.putBack?.());
      expect(await heal(fault, retry)).toBe("Succeeded");
    });
  }
}

/** Resolves with the phase in which the retry ended. */
async function heal(fault: Fault, retry: Retry): Promise<string> {
  const applied = await FaultRun.apply(fault.config);
  await fault.before?.((variant) => cellOf(applied.plan, variant));
  const run = applied.submit();
  const { strikes, looksAt = strikes ?? run.plan.cells[0]?.variant ?? "" } = fault;
  const cell = cellOf(run.plan, looksAt);
  const place = ofRun.has(fault.step) ? undefined : cell;
  const others = strikes === undefined ? [] : run.plan.cells.filter(({ id }) => id !== cell);

  if (fault.strike === undefined) await run.untilStep(fault.step, place, begun);
  else await fault.strike(run, cell);
  const struckMs = performance.now();
  const failed = await run.untilStep(fault.step, place, ["Failed", "Error"]);
  const toFailure = (performance.now() - struckMs) / 1000;
  await fault.afterwards?.(run, cell);
  const ended = await run.untilEnded();
  const leftAfterFault = await run.serversLeft();
  const before = run.finished();
  const troubles = await run.troubles();

  expect(ended.phase, troubles.join("\n")).toBe("Failed");
  for (const words of fault.says) expect(failed.message).toMatch(words);
  expect(leftAfterFault).toEqual([]);
  // The others are done, all of them, and no node of theirs failed.
  for (const { id, points, repetitions } of others) {
    const done = [...before.values()].filter((measurement) => measurement.cell === id);
    expect(done, id).toHaveLength(points.length * repetitions);
    expect((await run.step("teardown", id))?.phase, id).toBe("Succeeded");
  }
  const kept = [...before.values()].filter((measurement) => measurement.cell === cell);
  expect(kept).toHaveLength(fault.finishedBefore ?? 0);

  await fault.cure?.(run, cell);
  if (retry === "argo retry") run.retry();
  else await run.retryCell(cell);
  const healed = await run.untilEnded();
  const leftAfterRetry = await run.serversLeft();
  const after = run.finished();

  if (healed.phase !== "Succeeded") throw new Error((await run.troubles()).join("\n"));
  expect(leftAfterRetry).toEqual([]);
  // Not one of them was made a second time.
  for (const [id, measurement] of before) expect(after.get(id), id).toEqual(measurement);
  const all = run.plan.cells.reduce((sum, { points, repetitions }) => sum + points.length * repetitions, 0);
  expect(after.size).toBe(all);

  addRow({
    fault: fault.fault,
    says: `${fault.step}: ${sayingOf(failed.message)}`,
    toFailure,
    retry,
    retrySeconds: healed.seconds,
    kept: before.size,
    made: after.size - before.size,
    serversLeft: leftAfterFault.length + leftAfterRetry.length,
  });
  run.delete();
  return healed.phase;
}
