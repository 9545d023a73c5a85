import { expect, it } from "vitest";
import type { FaultConfig } from "./fault-config.ts";
import { type Ended, FaultRun } from "./fault-run.ts";
import { addRow, sayingOf } from "./fault-table.ts";
import type { Measurement } from "./measurements.ts";

export const plainRetry = "argo retry";
export const cellsRetry =
  "argo retry --restart-successful --node-field-selector templateName=cell,phase=Failed";

/** A busy machine fails no test. */
export const unjudged = { failOn: "never", errorBars: false } as const;

/** How a run that ended is healed: the retries that are made, and the phase in which each ends. */
type Retries = readonly (readonly [how: typeof plainRetry | typeof cellsRetry, ends: string])[];

/** A fault of a whole run, or of the cluster under it. */
export interface RunFault {
  /** In the table, and what `-t` chooses. */
  readonly fault: string;
  readonly config: FaultConfig | (() => Promise<FaultConfig>);
  /** Waits for its moment, strikes, and puts back what it took. */
  readonly strike: (run: FaultRun) => void | Promise<void>;
  /** Phase in which the run ends by itself. */
  readonly ends: "Succeeded" | "Failed";
  /** The step that fails, of which variant's cell, and what its node says. */
  readonly failing?: { readonly step: string; readonly variant: string; readonly says: readonly RegExp[] };
  /** Once it has ended: whether servers are left, and what takes them away. Default: none is, a minute later. */
  readonly leftovers?: (run: FaultRun) => Promise<void>;
  /** Default where it fails: one plain retry that succeeds. */
  readonly retries?: Retries;
}

/** One test: what was finished stays as it is, no server stays, and the retries make what is missing, and only that. */
export function itOutlives(fault: RunFault): void {
  const { config } = fault;
  it(`${fault.fault}: what was finished stays`, async () => {
    const chosen = typeof config === "function" ? await config() : config;
    const run = await FaultRun.start({ ...chosen, more: { ...unjudged, ...chosen.more } });
    await fault.strike(run);
    const atStrike = run.finished();
    const struckMs = performance.now();
    const ended = await run.untilEnded();
    expect(ended.phase, (await run.troubles()).join("\n")).toBe(fault.ends);
    expectKept(atStrike, run);
    let left = 0;
    if (fault.leftovers === undefined) left += await expectNoServers(run);
    else await fault.leftovers(run);
    const failed = await failedNode(fault, run);
    for (const words of fault.failing?.says ?? []) expect(failed?.message).toMatch(words);

    const before = run.finished();
    const { retries = fault.ends === "Failed" ? [[plainRetry, "Succeeded"] as const] : [] } = fault;
    let healed: Ended | undefined;
    for (const [how, phase] of retries) {
      if (how === plainRetry) run.retry();
      else run.retryCells();
      healed = await run.untilEnded();
      expect(healed.phase, (await run.troubles()).join("\n")).toBe(phase);
      left += await expectNoServers(run);
    }
    expectKept(before, run);
    expectWhole(run);
    addRow({
      fault: fault.fault,
      says: failed === undefined ? "" : `${fault.failing?.step}: ${sayingOf(failed.message)}`,
      toFailure:
        fault.ends === "Failed"
          ? (Date.parse(failed?.finishedAt ?? "") - struckAt(struckMs)) / 1000
          : undefined,
      retry: retries.map(([how]) => how).join(", then ") || "none needed",
      retrySeconds: healed?.seconds,
      kept: before.size,
      made: run.finished().size - before.size,
      serversLeft: left,
    });
    run.delete();
  });
}

const struckAt = (struckMs: number) => performance.timeOrigin + struckMs;

/** What was finished then is the very same now. */
function expectKept(then: ReadonlyMap<string, Measurement>, run: FaultRun): void {
  const now = run.finished();
  for (const [id, measurement] of then) expect(now.get(id), id).toEqual(measurement);
}

/** Every measurement of the plan is there and finished. */
export function expectWhole(run: FaultRun): void {
  const planned = run.plan.cells.reduce(
    (sum, { points, repetitions }) => sum + points.length * repetitions,
    0,
  );
  expect(run.finished().size).toBe(planned);
}

export async function expectNoServers(run: FaultRun): Promise<number> {
  const left = await run.serversLeft();
  expect(left).toEqual([]);
  return left.length;
}

async function failedNode({ failing }: RunFault, run: FaultRun) {
  if (failing === undefined) return undefined;
  const cell = run.plan.cells.find(({ variant }) => variant === failing.variant)?.id;
  return await run.step(failing.step, cell);
}
