import { LlmbenchError } from "../error.ts";
import { ObjectWatch } from "../servers/kubernetes/object-watch.ts";
import type { ClusterRuns } from "./cluster-runs.ts";
import { describeRun, type RunStatus } from "./run-status.ts";
import { withServerWaits } from "./server-waits.ts";
import type { WatchView } from "./watch-view.ts";
import { isOver, type Workflow } from "./workflow.ts";

/** A controller takes up a workflow within a second or two. */
const takenUpMs = 20_000;
/** Servers' pods are asked for no more often. */
const serversEveryMs = 10_000;

/**
 * Shows a workflow until it is over; resolves with its last state. An API server that goes away for a while is waited
 * for. Throws CLUSTER_RUN_GONE when it is deleted, and what `signal` was aborted with.
 */
export async function watchRun(
  runs: ClusterRuns,
  name: string,
  view: WatchView,
  signal: AbortSignal,
): Promise<RunStatus> {
  const watch = new ObjectWatch<Workflow>(runs.client, runs.path, { fieldSelector: `metadata.name=${name}` });
  const stop = new AbortController();
  const running = watch.run(AbortSignal.any([signal, stop.signal]));
  const broken = running.then(() => new Promise<never>(() => {}));
  try {
    await Promise.race([watch.listed(), broken, aborted(signal)]);
    return await Promise.race([follow(runs, name, watch, view, signal), broken]);
  } finally {
    stop.abort();
    await running.catch(() => {});
  }
}

async function follow(
  runs: ClusterRuns,
  name: string,
  watch: ObjectWatch<Workflow>,
  view: WatchView,
  signal: AbortSignal,
): Promise<RunStatus> {
  const begun = performance.now();
  let askedAt = Number.NEGATIVE_INFINITY;
  let waits: RunStatus | undefined;
  for (;;) {
    signal.throwIfAborted();
    const seen = watch.changes;
    const [workflow] = watch.objects;
    if (workflow === undefined) throw runGone(name);
    let status = describeRun(workflow);
    if (isOver(workflow)) {
      view.update(status);
      return status;
    }
    if (performance.now() - askedAt > serversEveryMs) {
      askedAt = performance.now();
      waits = await withServerWaits(runs, status);
    }
    status = keepWaits(status, waits);
    view.update(status);
    if (workflow.status?.phase === undefined && performance.now() - begun > takenUpMs)
      view.note("no workflow-controller has taken it up: is one running that watches this namespace?");
    await watch.next(1000, seen, signal);
  }
}

/** What was last heard of servers holds for a cell that is still in the same step. */
function keepWaits(status: RunStatus, heard: RunStatus | undefined): RunStatus {
  const cells = status.cells.map((cell) => {
    const before = heard?.cells.find((one) => one.cell === cell.cell);
    const same = before?.state === cell.state && before.step === cell.step;
    return same && before.waits !== undefined && cell.waits === undefined
      ? { ...cell, waits: before.waits }
      : cell;
  });
  return { ...status, cells };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

function runGone(name: string): LlmbenchError {
  return new LlmbenchError("CLUSTER_RUN_GONE", `The Workflow ${name} was deleted while it was watched.`, {
    hint: "Its servers go with it. What it had measured is on the results share: llmbench fetch",
  });
}
