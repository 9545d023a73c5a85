import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Calibrator } from "../calibration/calibrator.ts";
import type { CellPlan } from "../config/plan.ts";
import { LlmbenchError } from "../error.ts";
import { LoadClients } from "../load/load-clients.ts";
import type { RunFolder } from "../results/run-folder.ts";
import type { Hardware } from "../results/schema/run.ts";
import { ProcessBackend } from "../servers/process.ts";
import { CellSession } from "./cell-session.ts";
import { createClusterBackend } from "./cluster-backend.ts";
import type { StepContext } from "./context.ts";
import type { ProgressEvent } from "./progress.ts";

export interface CreateContextOptions {
  readonly run: RunFolder;
  readonly hardware: Hardware;
  /** Words that start this program again: simulated engines are processes of it. */
  readonly selfCommand: readonly string[];
  readonly progress: (event: ProgressEvent) => void;
  /** Where outputs go that must not wait for the step's end. Default: nowhere. */
  readonly publish?: (outputs: Readonly<Record<string, unknown>>) => void;
  readonly signal: AbortSignal;
  readonly mask: (text: string) => string;
}

/** A context whose servers are processes of this machine, pods of a cluster, or stand already. `killNow` ends those at once. */
export function createContext(options: CreateContextOptions): StepContext & { killNow(): void } {
  const { run, progress } = options;
  const { plan } = run.record;
  const processes = new ProcessBackend({
    logPath: ({ cellId }) => {
      const path = session(cellId).logPath();
      mkdirSync(dirname(path), { recursive: true });
      return path;
    },
  });
  const cluster = createClusterBackend(plan, process.env, ({ cellId }, text) =>
    progress({ kind: "note", cell: cellId, text }),
  );
  const sessions = new Map<string, CellSession>();
  function session(id: string): CellSession {
    const known = sessions.get(id);
    if (known !== undefined) return known;
    const cell = plan.cells.find((planned) => planned.id === id);
    if (cell === undefined) {
      throw new LlmbenchError("CELL_UNKNOWN", `run ${run.id} has no cell "${id}"`, {
        exitStatus: 2,
        details: plan.cells.map((planned) => `there is: ${planned.id}`),
      });
    }
    const made = new CellSession({
      ...options,
      cell,
      ...sharedServer(run.record),
      processes,
      cluster,
      report: (text, kind) => progress({ kind: kind ?? "note", cell: id, text }),
    });
    sessions.set(id, made);
    return made;
  }
  return {
    plan,
    run,
    hardware: options.hardware,
    session,
    cluster: plan.cluster === undefined ? undefined : cluster,
    calibrator:
      plan.errorBars === false
        ? undefined
        : new Calibrator({
            command: [...options.selfCommand, "null-server"],
            onTrouble: (why) => progress({ kind: "note", text: `no error bars of the client: ${why}` }),
          }),
    clients: new LoadClients(),
    progress,
    publish: options.publish ?? (() => {}),
    signal: options.signal,
    mask: options.mask,
    killNow: () => processes.killAllNow(),
  };
}

/**
 * Two cells of an A/B that differ in load alone are measured on one server, which is started for the loads of both: some
 * engines are told how many requests to expect.
 */
function sharedServer({ ab, plan }: RunFolder["record"]): { readonly serverCell?: CellPlan } {
  const cell = (id: string) => plan.cells.find((planned) => planned.id === id);
  if (ab?.servers !== "shared") return {};
  const [a, b] = [cell(ab.a), cell(ab.b)];
  return a === undefined || b === undefined
    ? {}
    : { serverCell: { ...a, points: [...a.points, ...b.points] } };
}
