import type { IClusterWorkflowTemplate } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/ClusterWorkflowTemplate";
import type { ICronWorkflow } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/CronWorkflow";
import type { IWorkflow } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/Workflow";
import type { IWorkflowSpec } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/WorkflowSpec";
import type { IWorkflowTemplate } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/WorkflowTemplate";
import { type Arguments, writeArguments } from "./arguments.ts";
import { collect } from "./collect.ts";
import type { Inputs, None } from "./declare.ts";
import { applyPatch, type Patch } from "./patch.ts";
import { callerSite, type Site } from "./site.ts";
import { type AnyTemplate, asText, type Template, withArgumentDefaults } from "./template.ts";
import { type ExitFits, type SpecOptions, writeMetadata, writeSpec } from "./workflow-options.ts";

/** One object for the cluster. `object` is plain data in Argo's words; `I` are the arguments that a run takes. */
export interface Manifest<out I extends Inputs = Inputs, out Kind extends ArgoObject = ArgoObject> {
  readonly object: Kind;
  readonly inputs: I;
  /** The templates in it, for the lint. */
  readonly templates: readonly AnyTemplate[];
  readonly site: Site;
}

export type ArgoObject = IWorkflow | IWorkflowTemplate | IClusterWorkflowTemplate | ICronWorkflow;

/** What a workflow runs, and how. */
export interface Definition<I extends Inputs, X extends Inputs> extends SpecOptions {
  /** Where it begins. Its inputs are the arguments of the workflow. */
  readonly entry: Template<I, None>;
  /** Runs at the end, however it ended (not when it is terminated). Its inputs are filled from the same arguments. */
  readonly onExit?: Template<X, None> & ExitFits<X, I>;
}

/** A run of a WorkflowTemplate: which, and with what. */
type RunOf<I extends Inputs> = SpecOptions & {
  readonly of: Manifest<I, IWorkflowTemplate | IClusterWorkflowTemplate>;
} & ([RequiredOf<I>] extends [never]
    ? { readonly arguments?: Arguments<I, unknown> }
    : { readonly arguments: Arguments<I, unknown> });

type RequiredOf<I> = { [N in keyof I]: I[N] extends { readonly optional: true } ? never : N }[keyof I];

/** A WorkflowTemplate: what `argo submit --from workflowtemplate/NAME` runs. */
export function workflowTemplate<I extends Inputs, X extends Inputs>(
  name: string,
  definition: Definition<I, X>,
): Manifest<I, IWorkflowTemplate> {
  const site = callerSite();
  const { spec, templates } = writeDefinition(definition);
  const metadata = { name, ...writeMetadata(definition) };
  return freeze(
    { apiVersion, kind: "WorkflowTemplate", metadata, spec },
    definition.entry.inputs,
    templates,
    site,
  );
}

/** A ClusterWorkflowTemplate: the same for all namespaces. */
export function clusterWorkflowTemplate<I extends Inputs, X extends Inputs>(
  name: string,
  definition: Definition<I, X>,
): Manifest<I, IClusterWorkflowTemplate> {
  const site = callerSite();
  const { spec, templates } = writeDefinition(definition);
  const metadata = { name, ...writeMetadata(definition) };
  return freeze(
    { apiVersion, kind: "ClusterWorkflowTemplate", metadata, spec },
    definition.entry.inputs,
    templates,
    site,
  );
}

/** The name of a Workflow, or the beginning of it, to which Kubernetes adds five characters. */
type WorkflowName = string | { readonly generateName: string };

/** A Workflow: one run, of its own templates or of a WorkflowTemplate. */
export function workflow<I extends Inputs, X extends Inputs>(
  name: WorkflowName,
  definition: Definition<I, X> | RunOf<I>,
): Manifest<I, IWorkflow> {
  const site = callerSite();
  const { spec, templates, inputs } = writeEither(definition);
  const named = typeof name === "string" ? { name } : { generateName: name.generateName };
  const metadata = { ...named, ...writeMetadata(definition) };
  return freeze({ apiVersion, kind: "Workflow", metadata, spec }, inputs, templates, site);
}

export interface Schedule {
  /** Cron expressions of five fields. */
  readonly schedules: readonly [string, ...(readonly string[])];
  /** An IANA name: `"Europe/Berlin"`. */
  readonly timezone: string;
  /** What happens when a run is due and the last one goes on. Replace terminates it: no exit handler runs. */
  readonly concurrency: "Allow" | "Forbid" | "Replace";
  /** How many ended runs stay. A run that is gone cannot be retried. */
  readonly history: { readonly succeeded: number; readonly failed: number };
  readonly suspend?: boolean;
  /** How late a run may start. */
  readonly startingDeadlineSeconds?: number;
  readonly patchCron?: Patch<ICronWorkflow["spec"]>;
}

/** A CronWorkflow: runs by the clock. */
export function cronWorkflow<I extends Inputs, X extends Inputs>(
  name: string,
  schedule: Schedule,
  definition: Definition<I, X> | RunOf<I>,
): Manifest<I, ICronWorkflow> {
  const site = callerSite();
  const { spec: workflowSpec, templates, inputs } = writeEither(definition);
  const { schedules, timezone, concurrency, history, suspend, startingDeadlineSeconds } = schedule;
  const { workflowMetadata, ...rest } = workflowSpec;
  const spec: ICronWorkflow["spec"] = {
    schedules: [...schedules],
    timezone,
    concurrencyPolicy: concurrency,
    successfulJobsHistoryLimit: history.succeeded,
    failedJobsHistoryLimit: history.failed,
    ...(suspend === undefined ? {} : { suspend }),
    ...(startingDeadlineSeconds === undefined ? {} : { startingDeadlineSeconds }),
    ...(workflowMetadata === undefined ? {} : { workflowMetadata }),
    workflowSpec: rest,
  };
  const metadata = { name, ...writeMetadata(definition) };
  const patched = applyPatch(spec, schedule.patchCron);
  return freeze({ apiVersion, kind: "CronWorkflow", metadata, spec: patched }, inputs, templates, site);
}

const apiVersion = "argoproj.io/v1alpha1";

interface Written {
  readonly spec: IWorkflowSpec;
  readonly templates: readonly AnyTemplate[];
}

function writeEither<I extends Inputs, X extends Inputs>(
  definition: Definition<I, X> | RunOf<I>,
): Written & { readonly inputs: I } {
  if ("entry" in definition) return { ...writeDefinition(definition), inputs: definition.entry.inputs };
  const { object, inputs } = definition.of;
  const given = writeArguments(
    { name: object.metadata?.name ?? "", inputs },
    definition.arguments ?? {},
    () => {},
  );
  const spec: IWorkflowSpec = {
    workflowTemplateRef: {
      name: object.metadata?.name ?? "",
      ...(object.kind === "ClusterWorkflowTemplate" ? { clusterScope: true } : {}),
    },
    ...(given === undefined ? {} : { arguments: given }),
    ...writeSpec(definition, []),
  };
  return { spec: applyPatch(spec, definition.patch), templates: [], inputs };
}

function writeDefinition<I extends Inputs, X extends Inputs>(definition: Definition<I, X>): Written {
  const { entry, onExit } = definition;
  const templates = collect(onExit === undefined ? [entry] : [entry, onExit]).map((each) =>
    each.name === onExit?.name ? withArgumentDefaults(each) : each,
  );
  const parameters = Object.entries(entry.inputs).flatMap(([name, declared]) => {
    if (declared.kind === "artifact") return [];
    const { default: fallback, description, choices } = declared;
    return [
      {
        name,
        ...(description === undefined ? {} : { description }),
        ...(fallback === undefined ? {} : { value: asText(fallback) }),
        ...(choices === undefined ? {} : { enum: choices.map(String) }),
      },
    ];
  });
  const spec: IWorkflowSpec = {
    entrypoint: entry.name,
    ...(parameters.length === 0 ? {} : { arguments: { parameters } }),
    ...(onExit === undefined ? {} : { onExit: onExit.name }),
    ...writeSpec(definition, templates),
  };
  return { spec: applyPatch(spec, definition.patch), templates };
}

const freeze = <I extends Inputs, Kind extends ArgoObject>(
  object: Kind,
  inputs: I,
  templates: readonly AnyTemplate[],
  site: Site,
): Manifest<I, Kind> => Object.freeze({ object, inputs, templates, site });
