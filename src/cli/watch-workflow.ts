import { ExitStatus } from "../error.ts";
import type { ClusterRuns } from "../workflows/cluster-runs.ts";
import { renderStatus } from "../workflows/render-status.ts";
import { exitStatusOf } from "../workflows/run-status.ts";
import { watchRun } from "../workflows/watch-run.ts";
import { createWatchView } from "../workflows/watch-view.ts";
import { columnsOf, wantsColor } from "./terminal.ts";

/**
 * Shows workflows one after the other until they are over, as a local run is shown; resolves with the worst exit status.
 * Ctrl-C ends the watching alone, and says so.
 */
export async function watchWorkflows(runs: ClusterRuns, names: readonly string[]): Promise<ExitStatus> {
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, onSignal);
  const { stderr, stdout } = process;
  const view = createWatchView(stderr, { color: wantsColor(stderr), live: stderr.isTTY });
  let worst: ExitStatus = ExitStatus.done;
  let current = "";
  try {
    for (const name of names) {
      current = name;
      const status = await watchRun(runs, name, view, interrupt.signal);
      view.close();
      const style = { columns: columnsOf(stdout), color: wantsColor(stdout), nowMs: Date.now() };
      stdout.write(`\n${renderStatus(status, style)}`);
      worst = worseOf(worst, exitStatusOf(status));
    }
    return worst;
  } catch (error) {
    view.close();
    if (!interrupt.signal.aborted) throw error;
    stderr.write(`${goesOn(runs.namespace, current)}\n`);
    return ExitStatus.interrupted;
  } finally {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(name, onSignal);
  }
}

/** A failure outweighs a verdict. */
function worseOf(a: ExitStatus, b: ExitStatus): ExitStatus {
  if (a === ExitStatus.failed || b === ExitStatus.failed) return ExitStatus.failed;
  return a === ExitStatus.done ? b : a;
}

function goesOn(namespace: string, name: string): string {
  return [
    "The run goes on.",
    `  look again  llmbench status ${name} -n ${namespace} --watch`,
    `  stop it     argo stop -n ${namespace} ${name}`,
  ].join("\n");
}
