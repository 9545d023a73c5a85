import type { Command } from "commander";
import { ExitStatus, LlmbenchError } from "../error.ts";
import type { ClusterRuns } from "../workflows/cluster-runs.ts";
import {
  type ClusterOptions,
  longPatience,
  openRuns,
  shortPatience,
  withClusterOptions,
} from "./cluster-options.ts";
import { watchInterrupts } from "./interrupt.ts";

interface Options extends ClusterOptions {
  readonly cell?: string;
  readonly step?: string;
  readonly follow?: boolean;
  readonly tail?: string;
}

export function registerLogs(program: Command): void {
  withClusterOptions(
    program
      .command("logs")
      .description("logs of a run's steps and servers on a cluster")
      .argument("<run>", "name of the run or of its Workflow"),
  )
    .option("--cell <cell>", "of this cell alone")
    .option("--step <step>", "of this step alone, as `sweep`; `server` for the engine's own")
    .option("-f, --follow", "go on until the run is over")
    .option("--tail <lines>", "of each log at most the last lines")
    .action(async (run: string, options: Options) => {
      const runs = await openRuns(options, options.follow === true ? longPatience : shortPatience);
      const workflow = await runs.find(run);
      const { describeRun } = await import("../workflows/run-status.ts");
      const { checkCell } = await import("../workflows/run-pods.ts");
      const { followLogs, showLogs, whyNoLog } = await import("../workflows/show-logs.ts");
      checkCell(
        options.cell,
        describeRun(workflow).cells.map(({ cell }) => cell),
      );
      const write = (text: string) => process.stdout.write(text);
      const choice = { cell: options.cell, step: options.step, write, ...tailOf(options.tail) };
      if (options.follow === true) {
        const stop = watchInterrupts(() => undefined);
        await followLogs(runs, workflow.metadata?.name ?? run, choice, stop.signal);
        stop.dispose();
        if (stop.signal.aborted) process.exitCode = ExitStatus.interrupted;
        return;
      }
      const shown = await showLogs(runs, workflow, choice);
      const wantsServer =
        options.step === "server" || (options.cell !== undefined && options.step === undefined);
      if (wantsServer && !shown.some(({ step }) => step === "server")) {
        await showStored(runs, run, options.cell, choice);
        return;
      }
      if (shown.length > 0) return;
      for (const line of whyNoLog(workflow, options)) process.stderr.write(`${line}\n`);
      process.stderr.write("What a cell's server wrote is kept on the results share: --step server\n");
    });
}

/** Servers are taken down with their pods; their logs lie with the results. */
async function showStored(
  runs: ClusterRuns,
  run: string,
  cell: string | undefined,
  { tail, write }: { readonly tail?: number; readonly write: (text: string) => void },
): Promise<void> {
  const { findShare, withResultsPod } = await import("../workflows/results-pod.ts");
  const { storedServerLogs } = await import("../workflows/stored-logs.ts");
  const share = await findShare(runs, run);
  const where = `${share.run}/cells/${cell ?? "CELL"}/deployments/N/server.log`;
  process.stderr.write(`no pod of that server is there; reading ${where} of the results share\n`);
  const stop = watchInterrupts(() => undefined);
  try {
    const logs = await withResultsPod(runs, share, stop.signal, (pod) =>
      storedServerLogs(pod, share.run, cell),
    );
    for (const { file, text } of logs) {
      const lines = text.split("\n");
      if (logs.length > 1) write(`==> ${file} <==\n`);
      write(tail === undefined ? text : lines.slice(-tail - 1).join("\n"));
    }
    if (logs.length === 0) process.stderr.write("there is none\n");
  } finally {
    stop.dispose();
  }
}

function tailOf(text: string | undefined): { tail?: number } {
  if (text === undefined) return {};
  if (/^[1-9]\d{0,8}$/.test(text)) return { tail: Number(text) };
  throw new LlmbenchError("USAGE", `--tail wants a number of lines; found ${JSON.stringify(text)}`, {
    exitStatus: ExitStatus.usage,
    hint: "for example --tail 100",
  });
}
