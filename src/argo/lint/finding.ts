import type { Manifest } from "../workflow.ts";
import type { ManifestView } from "./view.ts";

export type Severity = "error" | "warning";

/** Something that no schema says and that goes wrong when the workflow runs, or when it is retried. */
export interface Finding {
  /** Stable; docs/argo-lint.md has each. */
  readonly id: string;
  readonly severity: Severity;
  readonly place: Place;
  readonly message: string;
  /** What to do. */
  readonly remedy: string;
}

/** Where, in the words of the definition. */
export interface Place {
  /** `WorkflowTemplate bench`. */
  readonly manifest: string;
  readonly template?: string;
  readonly task?: string;
  /** The field, in Argo's words: `arguments.parameters.url`. */
  readonly field?: string;
  /** `file:line` of the definition, where the runtime says. */
  readonly at?: string;
}

/** A rule looks at one manifest, beside the others that are applied with it. */
export interface Rule {
  readonly id: string;
  readonly severity: Severity;
  /** One sentence for the documentation: what goes wrong. */
  readonly about: string;
  readonly remedy: string;
  /** A call of `report` for each place where it goes wrong. */
  check(view: ManifestView, report: Report): void;
}

export type Report = (place: Omit<Place, "manifest" | "at">, message: string) => void;

export const manifestName = ({ object }: Pick<Manifest, "object">): string =>
  `${object.kind} ${object.metadata?.name ?? object.metadata?.generateName ?? ""}`;

/** `error unknown-template: … (WorkflowTemplate bench, template cell, task deploy; pipelines/bench.ts:12)`. */
export function formatFinding({ id, severity, place, message, remedy }: Finding): string {
  const where = [
    place.manifest,
    ...(place.template === undefined ? [] : [`template ${place.template}`]),
    ...(place.task === undefined ? [] : [`task ${place.task}`]),
    ...(place.field === undefined ? [] : [place.field]),
  ].join(", ");
  const at = place.at === undefined ? "" : `; ${place.at}`;
  return `${severity} ${id}: ${message} (${where}${at})\n  ${remedy}`;
}
