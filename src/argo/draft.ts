import type { IDAGTask } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/DAGTask";
import type { Owner } from "./handle.ts";
import type { Lock } from "./lock.ts";
import type { Site } from "./site.ts";
import type { AnyTemplate } from "./template.ts";

/** What is written while a body runs; frozen into the template at its end. */
export interface Draft {
  readonly owner: Owner;
  readonly tasks: { readonly task: IDAGTask; readonly site: Site }[];
  readonly uses: AnyTemplate[];
  readonly locks: Lock<never>[];
}
