import type { ITemplate } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/Template";
import type { DagOutputs, Inputs, Outputs, PodOutputs, SuspendOutputs } from "./declare.ts";
import type { Site } from "./site.ts";
import type { Claim } from "./sources.ts";

export const node: unique symbol = Symbol("template");

/** What a template became: Argo's object, and what it brings with it. Plain data; nothing changes it. */
interface TemplateNode {
  readonly manifest: ITemplate;
  /** Templates that its tasks and hooks run. */
  readonly uses: readonly Template<Inputs, Outputs>[];
  /** Claims that the workflow makes for its own time. */
  readonly claims: readonly Claim[];
  readonly site: Site;
  readonly tasks: ReadonlyMap<string, Site>;
}

/** A template, as a value: what it takes, what it gives. Pass it to `d.task`; the workflow collects it from there. */
export interface Template<out I extends Inputs, out O extends Outputs> {
  readonly name: string;
  readonly inputs: I;
  readonly outputs: O;
  readonly [node]: TemplateNode;
  /** Set where the template lives in another WorkflowTemplate. */
  readonly elsewhere?: { readonly name: string; readonly clusterScope: boolean };
}

export type AnyTemplate = Template<Inputs, Outputs>;

/** The same template, run from another WorkflowTemplate (or ClusterWorkflowTemplate) that holds it. */
export const remote = <I extends Inputs, O extends Outputs>(
  template: Template<I, O>,
  holder: { readonly in: string; readonly clusterScope?: boolean },
): Template<I, O> =>
  Object.freeze({ ...template, elsewhere: { name: holder.in, clusterScope: holder.clusterScope ?? false } });

/** How a task or hook names a template. */
export const templateReference = ({
  name,
  elsewhere,
}: AnyTemplate): Pick<ITemplateUse, "template" | "templateRef"> =>
  elsewhere === undefined
    ? { template: name }
    : {
        templateRef: {
          name: elsewhere.name,
          template: name,
          ...(elsewhere.clusterScope ? { clusterScope: true } : {}),
        },
      };

interface ITemplateUse {
  template?: string;
  templateRef?: { name: string; template: string; clusterScope?: boolean };
}

/**
 * An exit handler: what its inputs hold unless given are the workflow's arguments. Argo 4.1 fills them only with what the
 * run itself gives and refuses the run (`invalid spec`) when the WorkflowTemplate alone has a value.
 */
export function withArgumentDefaults(template: AnyTemplate): AnyTemplate {
  const { manifest, ...rest } = template[node];
  const parameters = (manifest.inputs?.parameters ?? []).map((each) => ({
    default: `{{workflow.parameters.${each.name}}}`,
    ...each,
  }));
  if (parameters.length === 0) return template;
  return {
    ...template,
    [node]: { ...rest, manifest: { ...manifest, inputs: { ...manifest.inputs, parameters } } },
  };
}

/** Parameters and artifacts as a template declares them. */
export function writeInputs(inputs: Inputs): ITemplate["inputs"] {
  const { parameters, artifacts } = split(inputs);
  return nonEmpty({
    parameters: parameters.map(([name, declared]) => ({ name, ...writeParameter(declared) })),
    artifacts: artifacts.map(([name, { path }]) => ({ name, ...(path === undefined ? {} : { path }) })),
  });
}

export function writePodOutputs(outputs: PodOutputs | SuspendOutputs): ITemplate["outputs"] {
  const parameters: NonNullable<NonNullable<ITemplate["outputs"]>["parameters"]> = [];
  const artifacts: NonNullable<NonNullable<ITemplate["outputs"]>["artifacts"]> = [];
  for (const [name, output] of Object.entries(outputs)) {
    if (output.kind === "artifact")
      artifacts.push({
        name,
        ...(output.path === undefined ? {} : { path: output.path }),
        ...(output.archive === undefined ? {} : { archive: { [output.archive]: {} } }),
      });
    if (output.kind !== "file" && output.kind !== "supplied") continue;
    const fallback = output.of.default === undefined ? {} : { default: asText(output.of.default) };
    const source = output.kind === "file" ? { path: output.path } : { supplied: {} };
    const { description, choices } = output.of;
    parameters.push({
      name,
      ...(description === undefined ? {} : { description }),
      ...(choices === undefined || output.kind === "file" ? {} : { enum: choices.map(String) }),
      valueFrom: { ...source, ...fallback },
    });
  }
  return nonEmpty({ parameters, artifacts });
}

/** A DAG's outputs: each is the output of one of its tasks. */
export function writeDagOutputs(
  outputs: DagOutputs,
  sources: Readonly<Record<string, string>>,
): ITemplate["outputs"] {
  const { parameters, artifacts } = split(outputs);
  return nonEmpty({
    parameters: parameters.map(([name, declared]) => ({
      name,
      ...(declared.description === undefined ? {} : { description: declared.description }),
      valueFrom: {
        parameter: sources[name] ?? "",
        ...(declared.default === undefined ? {} : { default: asText(declared.default) }),
      },
    })),
    artifacts: artifacts.map(([name]) => ({ name, from: sources[name] ?? "" })),
  });
}

const writeParameter = ({
  default: fallback,
  choices,
  description,
}: Extract<Inputs[string], { kind: "parameter" }>) => ({
  ...(description === undefined ? {} : { description }),
  ...(fallback === undefined ? {} : { default: asText(fallback) }),
  ...(choices === undefined ? {} : { enum: choices.map(String) }),
});

/** Argo's parameters are text. */
export const asText = (fallback: unknown): string =>
  typeof fallback === "string" ? fallback : JSON.stringify(fallback);

function split(declared: Inputs) {
  const entries = Object.entries(declared);
  return {
    parameters: entries.flatMap(([name, each]) => (each.kind === "parameter" ? [[name, each] as const] : [])),
    artifacts: entries.flatMap(([name, each]) => (each.kind === "artifact" ? [[name, each] as const] : [])),
  };
}

/** The object without its empty lists; nothing when nothing is left. */
function nonEmpty<T extends Record<string, readonly unknown[]>>(lists: T): Partial<T> | undefined {
  const filled = Object.entries(lists).filter(([, list]) => list.length > 0);
  return filled.length === 0 ? undefined : (Object.fromEntries(filled) as Partial<T>);
}
