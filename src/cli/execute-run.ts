import { readFile } from "node:fs/promises";
import { hostname, platform, release, userInfo } from "node:os";
import { isSimulated, type Plan } from "../config/plan.ts";
import { resolveSecrets } from "../config/secrets.ts";
import { ExitStatus } from "../error.ts";
import { createMasker } from "../mask.ts";
import type { Plugin } from "../plugins/load-plugins.ts";
import { renderTerminal } from "../report/terminal.ts";
import { createRun, type RunFolder } from "../results/run-folder.ts";
import { lockRun } from "../results/run-lock.ts";
import type { AbDesign } from "../results/schema/ab.ts";
import { Results } from "../results/schema/results.ts";
import { type RunRecord } from "../results/schema/run.ts";
import { createProgressView } from "../runner/progress-view.ts";
import { runAb } from "../runner/run-ab.ts";
import { runCells } from "../runner/run-cells.ts";
import { describeHardware } from "../servers/hardware.ts";
import { removeLeftovers } from "../servers/leftovers.ts";
import { createContext } from "../steps/create-context.ts";
import { pluginSteps } from "../steps/plugin-step.ts";
import { version } from "../version.ts";
import { watchInterrupts } from "./interrupt.ts";
import { printError } from "./print-error.ts";
import { selfCommand } from "./self-command.ts";
import { columnsOf, wantsColor } from "./terminal.ts";

export interface ExecuteOptions {
  readonly json: boolean;
  readonly verbose: boolean;
}

/** Makes the folder of a new run. `base` is where runs lie. */
export async function startRun(
  plan: Plan,
  base: string,
  executor: RunRecord["executor"],
  id = `${plan.name}-${utcStamp(new Date())}`,
  ab?: AbDesign,
): Promise<RunFolder> {
  return createRun(base, {
    schemaVersion: 1,
    id,
    simulated: plan.cells.some(({ server }) => isSimulated(server)),
    plan,
    executor,
    startedAt: new Date().toISOString(),
    ...whoRuns(),
    host: hostname(),
    os: `${platform()} ${release()}`,
    versions: { llmbench: version, node: process.versions.node },
    hardware: await describeHardware(),
    ...(ab === undefined ? {} : { ab }),
  });
}

/** Runs what is not finished of a run and shows what came out. Progress goes to stderr, results to stdout. */
export async function executeRun(
  run: RunFolder,
  plugins: readonly Plugin[],
  options: ExecuteOptions,
): Promise<ExitStatus> {
  const { values: secrets } = resolveSecrets(run.record.plan, process.env);
  const masker = createMasker(secrets);
  const lock = await lockRun(run.path);
  const view = createProgressView(process.stderr, {
    color: wantsColor(process.stderr),
    live: process.stderr.isTTY,
  });
  const interrupts = watchInterrupts((text) => view({ kind: "note", text }));
  const context = createContext({
    run,
    hardware: await describeHardware(),
    selfCommand,
    progress: view,
    signal: interrupts.signal,
    mask: masker.text,
  });
  interrupts.onForce(() => context.killNow());
  const tell = (error: unknown) =>
    printError(error, { ...options, mask: masker.text, write: (text) => process.stderr.write(text) });
  const crash = (error: unknown) => {
    context.killNow();
    process.exit(tell(error));
  };
  process.once("uncaughtException", crash);
  try {
    for (const { cellId, runId } of await removeLeftovers()) {
      view({ kind: "note", text: `ended the server of ${cellId} that run ${runId} left` });
    }
    view({ kind: "note", text: `run ${run.id} in ${run.path}` });
    const { plan, ab } = run.record;
    const added = pluginSteps(plan, plugins);
    const outcome = await (ab === undefined
      ? runCells(context, added, tell)
      : runAb(context, ab, added, tell));
    view.close();
    const text = await readFile(outcome.results, "utf8");
    process.stdout.write(
      options.json
        ? text
        : `\n${renderTerminal(Results.parse(JSON.parse(text)), {
            columns: columnsOf(process.stdout),
            color: wantsColor(process.stdout),
            reportPath: outcome.report,
          })}`,
    );
    return outcome.exitStatus;
  } catch (error) {
    view.close();
    return tell(error);
  } finally {
    view.close();
    process.off("uncaughtException", crash);
    interrupts.dispose();
    await lock.release();
  }
}

/** `20261124T093012Z`: sorts by time and is a good file name. */
function utcStamp(time: Date): string {
  return time.toISOString().replace(/[-:]|\.\d+/g, "");
}

/** Nobody, where the user has no name: in a container, under a number that its image does not know. */
function whoRuns(): { user?: string } {
  try {
    return { user: userInfo().username };
  } catch {
    return {};
  }
}
