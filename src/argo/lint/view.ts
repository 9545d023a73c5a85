import type { IDAGTask } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/DAGTask";
import type { ITemplate } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/Template";
import type { IWorkflowSpec } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/WorkflowSpec";
import { type AnyTemplate, node } from "../template.ts";
import type { ArgoObject, Manifest } from "../workflow.ts";
import { type Depends, parseDepends } from "./depends.ts";

/** A manifest as the rules look at it: the final object, patches included. */
export interface ManifestView {
  readonly object: ArgoObject;
  readonly spec: IWorkflowSpec;
  readonly templates: ReadonlyMap<string, TemplateView>;
  /** The WorkflowTemplates given along, by kind and name. */
  readonly others: ReadonlyMap<string, ManifestView>;
  readonly definitions: ReadonlyMap<string, AnyTemplate>;
}

export interface TemplateView {
  readonly name: string;
  readonly template: ITemplate;
  readonly tasks: ReadonlyMap<string, TaskView>;
}

export interface TaskView {
  readonly task: IDAGTask;
  readonly depends: Depends;
  /** Every task that it comes after, however far. */
  readonly ancestors: ReadonlySet<string>;
}

/** A use of a template: by a task or by a hook. */
export interface Call {
  readonly template: string;
  readonly task: string;
  readonly hook?: string;
  readonly use: Pick<IDAGTask, "template" | "templateRef" | "inline" | "arguments">;
}

export function viewManifests(manifests: readonly Manifest[]): readonly ManifestView[] {
  const others = new Map<string, ManifestView>();
  const views = manifests.map((manifest): ManifestView => {
    const { object } = manifest;
    const spec = object.kind === "CronWorkflow" ? object.spec.workflowSpec : object.spec;
    const view = {
      object,
      spec: spec ?? {},
      templates: new Map((spec?.templates ?? []).map((each) => [each.name ?? "", viewTemplate(each)])),
      others,
      definitions: new Map(manifest.templates.map((each) => [each.name, each])),
    };
    if (object.kind.endsWith("WorkflowTemplate")) others.set(`${object.kind} ${object.metadata?.name}`, view);
    return view;
  });
  return views;
}

function viewTemplate(template: ITemplate): TemplateView {
  const tasks = template.dag?.tasks ?? [];
  const depends = new Map(
    tasks.map((task) => [task.name, parseDepends(task.depends ?? (task.dependencies ?? []).join(" && "))]),
  );
  const ancestorsOf = (name: string): ReadonlySet<string> => {
    const found = new Set<string>();
    const visit = (each: string): void => {
      for (const earlier of depends.get(each)?.tasks ?? []) {
        if (found.has(earlier)) continue;
        found.add(earlier);
        visit(earlier);
      }
    };
    visit(name);
    return found;
  };
  return {
    name: template.name ?? "",
    template,
    tasks: new Map(
      tasks.map((task) => [
        task.name,
        {
          task,
          depends: depends.get(task.name) ?? parseDepends(""),
          ancestors: ancestorsOf(task.name),
        },
      ]),
    ),
  };
}

/** Every use of a template in the manifest. */
export function* calls(view: ManifestView): Generator<Call> {
  for (const template of view.templates.values()) yield* callsOf(template);
}

function* callsOf({ name: template, tasks }: TemplateView): Generator<Call> {
  for (const { task } of tasks.values()) {
    yield { template, task: task.name, use: task };
    for (const [hook, use] of Object.entries(task.hooks ?? {}))
      yield { template, task: task.name, hook, use };
  }
}

/** The template that a use names: here or in a WorkflowTemplate given along; "elsewhere" when that is not at hand. */
export function resolve(view: ManifestView, use: Call["use"]): ITemplate | "elsewhere" | undefined {
  const { templateRef, inline } = use;
  if (inline !== undefined) return inline;
  if (templateRef === undefined) return view.templates.get(use.template ?? "")?.template;
  const kind = templateRef.clusterScope === true ? "ClusterWorkflowTemplate" : "WorkflowTemplate";
  const holder = view.others.get(`${kind} ${templateRef.name}`);
  return holder === undefined ? "elsewhere" : holder.templates.get(templateRef.template ?? "")?.template;
}

/** The WorkflowTemplate that a Workflow or CronWorkflow runs, when it was given along. */
export function referenced({ spec, others }: ManifestView): ManifestView | undefined {
  const reference = spec.workflowTemplateRef;
  if (reference === undefined) return undefined;
  return others.get(`${reference.clusterScope === true ? "Cluster" : ""}WorkflowTemplate ${reference.name}`);
}

/** Templates that run when this one does, itself included. */
export function reachable(view: ManifestView, from: string | undefined): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (name: string | undefined): void => {
    const template = name === undefined ? undefined : view.templates.get(name);
    if (template === undefined || found.has(template.name)) return;
    found.add(template.name);
    for (const { use } of callsOf(template)) visit(use.template);
  };
  visit(from);
  return found;
}

/** Where a template or task was defined, where the runtime says. */
export function siteOf(view: ManifestView, template?: string, task?: string): string | undefined {
  const definition = template === undefined ? undefined : view.definitions.get(template)?.[node];
  const site = task === undefined ? definition?.site : (definition?.tasks.get(task) ?? definition?.site);
  return site?.line();
}

export const isPod = (template: ITemplate): boolean =>
  template.container !== undefined ||
  template.script !== undefined ||
  template.containerSet !== undefined ||
  template.resource !== undefined;
