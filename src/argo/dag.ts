import type { ITemplate } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/Template";
import { bodyHandles } from "./body.ts";
import type { DagOutputs, Handles, Inputs, None } from "./declare.ts";
import type { Draft } from "./draft.ts";
import { DefinitionError } from "./error.ts";
import { checkOwner, render, type TextLike } from "./handle.ts";
import { writeLocks } from "./lock.ts";
import { applyPatch, type Patch } from "./patch.ts";
import type { In } from "./place.ts";
import { callerSite } from "./site.ts";
import type { DagBody } from "./task.ts";
import { node, type Template, writeDagOutputs, writeInputs } from "./template.ts";
import { dagBody } from "./write-task.ts";

export interface DagOptions<I, O> {
  readonly inputs?: I;
  /** What the DAG gives; the body returns a handle for each. */
  readonly outputs?: O;
  /** Whether a task that failed keeps others from starting. Argo's default is true. */
  readonly failFast?: boolean;
  /** How many tasks may run at a time. */
  readonly parallelism?: number;
  readonly displayName?: TextLike<unknown>;
  /** Any other field of Argo's template. Merged over what is written. */
  readonly patch?: Patch<ITemplate>;
}

/** What the body returns: a handle for each declared output, or nothing. */
type Returned<O, Here> = [keyof O] extends [never] ? void : Handles<O, Here>;

/**
 * A template that runs tasks in the order in which they need one another.
 *
 *     dag("publish", { inputs: { model: string() } }, (d) => {
 *       const built = d.task("build", build, { model: d.inputs.model });
 *       d.task("push", push, { image: built.outputs.image });     →     depends: build
 *     });
 */
export function dag<const Name extends string, I extends Inputs = None, O extends DagOutputs = None>(
  name: Name,
  options: DagOptions<I, O>,
  body: <Scope>(d: DagBody<I, In<Name, Scope>>) => Returned<O, In<Name, Scope>>,
): Template<I, O> {
  const site = callerSite();
  const inputs = options.inputs ?? ({} as I);
  const outputs = options.outputs ?? ({} as O);
  const draft: Draft = { owner: { template: name }, tasks: [], uses: [], locks: [] };
  const run = body as (d: unknown) => Readonly<Record<string, unknown>> | undefined;
  const returned = run({ inputs: bodyHandles(inputs, draft.owner), ...dagBody(draft) }) ?? {};
  const manifest = writeDag(name, inputs, outputs, options, draft, returned);
  return Object.freeze({
    name,
    inputs,
    outputs,
    [node]: {
      manifest: applyPatch(manifest, options.patch),
      uses: draft.uses,
      claims: [],
      site,
      tasks: new Map(draft.tasks.map(({ task, site }) => [task.name, site])),
    },
  });
}

function writeDag(
  name: string,
  inputs: Inputs,
  outputs: DagOutputs,
  options: DagOptions<unknown, unknown>,
  draft: Draft,
  returned: Readonly<Record<string, unknown>>,
): ITemplate {
  const use = (reference: Parameters<typeof checkOwner>[0]) => checkOwner(reference, draft.owner);
  const sources = Object.fromEntries(
    Object.keys(outputs).map((output) => {
      const source = returned[output];
      if (source !== undefined) return [output, render(source, use)];
      throw new DefinitionError(
        "ARGO_UNKNOWN_NAME",
        `The DAG "${name}" declares the output "${output}" and its body returns none.`,
        `Return { ${output}: someTask.outputs.… } from the body.`,
      );
    }),
  );
  const written = { inputs: writeInputs(inputs), outputs: writeDagOutputs(outputs, sources) };
  const synchronization = writeLocks(draft.locks, use);
  return {
    name,
    ...(options.displayName === undefined
      ? {}
      : { annotations: { "workflows.argoproj.io/display-name": render(options.displayName, use) } }),
    ...(written.inputs === undefined ? {} : { inputs: written.inputs }),
    ...(written.outputs === undefined ? {} : { outputs: written.outputs }),
    ...(options.parallelism === undefined ? {} : { parallelism: options.parallelism }),
    ...(synchronization === undefined ? {} : { synchronization }),
    dag: {
      ...(options.failFast === undefined ? {} : { failFast: options.failFast }),
      tasks: draft.tasks.map(({ task }) => task),
    },
  };
}
