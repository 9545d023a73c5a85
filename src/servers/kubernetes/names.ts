import { createHash } from "node:crypto";
import { labelValue } from "../kubernetes-names.ts";
import type { ServerKey } from "../registry.ts";

/** Field manager of everything that llmbench applies. */
export const fieldManager = "llmbench";

export const labels = {
  managedBy: "app.kubernetes.io/managed-by",
  component: "app.kubernetes.io/component",
  run: "llmbench.dev/run",
  cell: "llmbench.dev/cell",
  pool: "llmbench.dev/pool",
} as const;

export const annotations = {
  /** The run's and the cell's id as they are: a label's value is shorter and has fewer characters. */
  run: "llmbench.dev/run-id",
  cell: "llmbench.dev/cell-id",
  specHash: "llmbench.dev/spec-hash",
  /** When `ensure` first asked for this very server, ms since the epoch. */
  deployedAt: "llmbench.dev/deployed-at-ms",
} as const;

/** Every server of every run, in whichever namespace; step pods carry another component. */
export const anyServer: Readonly<Record<string, string>> = {
  [labels.managedBy]: "llmbench",
  [labels.component]: "server",
};

/** Name of a cell's Deployment and Service: at most 63 characters, starts with a letter, another for each run and cell. */
export function serverName({ runId, cellId }: ServerKey): string {
  const slug = cellId
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, 46)
    .replace(/-+$/, "");
  return `${slug || "server"}-${digest(`${runId}\n${cellId}`)}`;
}

/** The labels that choose a cell's server. */
export function serverLabels({ runId, cellId }: ServerKey): Record<string, string> {
  return { ...anyServer, [labels.run]: labelValue(runId), [labels.cell]: labelValue(cellId) };
}

/** A label selector as the API takes it. */
export function selectorOf(wanted: Readonly<Record<string, string>>): string {
  return Object.entries(wanted)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
