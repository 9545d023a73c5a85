import type { Calibrator } from "../calibration/calibrator.ts";
import type { Plan } from "../config/plan.ts";
import type { LoadClients } from "../load/load-clients.ts";
import type { RunFolder } from "../results/run-folder.ts";
import type { Hardware } from "../results/schema/run.ts";
import type { ClusterBackend } from "../servers/server.ts";
import type { CellSession } from "./cell-session.ts";
import type { ProgressEvent } from "./progress.ts";

/** A step's collaborators; it reaches for nothing else. */
export interface StepContext {
  readonly plan: Plan;
  readonly run: RunFolder;
  readonly hardware: Hardware;
  /** The cell's server and how it is asked: the same object for every step of this process. */
  readonly session: (cell: string) => CellSession;
  /** There where the plan has a cluster. */
  readonly cluster: ClusterBackend | undefined;
  /** Finds out what the client itself adds to the times; undefined where the plan wants no error bars. */
  readonly calibrator: Calibrator | undefined;
  /** What sends and reads the load, in as many threads as the plan says. */
  readonly clients: LoadClients;
  readonly progress: (event: ProgressEvent) => void;
  /** Outputs that stand even if the step then fails: a headline with a verdict that is not good enough. */
  readonly publish: (outputs: Readonly<Record<string, unknown>>) => void;
  /** Aborted when the run is to stop: steps end soon, teardown and finish still run. */
  readonly signal: AbortSignal;
  /** Hides secrets; everything that is written or shown goes through it. */
  readonly mask: (text: string) => string;
}
