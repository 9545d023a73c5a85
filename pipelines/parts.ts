import { configObjectName } from "../src/servers/kubernetes-names.ts";
import type { ClusterRun } from "./names.ts";

/** Argo's cap on the tasks of one DAG, less `prepare`. */
export const mostCells = 199;

/** Numbers of the templates that a config needs: one, as long as its cells fit the cap. */
export function partsOf(plan: ClusterRun): number[] {
  return Array.from({ length: Math.max(1, Math.ceil(plan.cells.length / mostCells)) }, (_, k) => k + 1);
}

/** The name of a part's template: the first has the config's own. */
export const partName = (plan: ClusterRun, part: number) =>
  configObjectName(plan.name, part === 1 ? undefined : String(part));

/** The cells of a part, each with its pool of the cluster. */
export function cellsOf(plan: ClusterRun, part: number): { id: string; pool: string }[] {
  const placed = plan.cells.flatMap(({ id, server }) =>
    server.kind === "kubernetes" ? [{ id, pool: server.pool }] : [],
  );
  return placed.slice((part - 1) * mostCells, part * mostCells);
}
