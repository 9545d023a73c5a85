import type { IArguments } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/Arguments";
import type { ITemplate } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/Template";
import type { Rule } from "./finding.ts";
import { type Call, calls, type ManifestView, referenced, resolve } from "./view.ts";

/** What is given, or taken, by name. */
const names = (list: IArguments | ITemplate["inputs"]): readonly string[] => [
  ...(list?.parameters ?? []).map(({ name }) => name),
  ...(list?.artifacts ?? []).map(({ name }) => name),
];

const place = ({ template, task, hook }: Call, field = "arguments") => ({
  template,
  task,
  field: hook === undefined ? field : `hooks.${hook}.${field}`,
});

/** Inputs that must be given: Argo has nothing to fall back on. */
const requiredInputs = (template: ITemplate): readonly string[] => [
  ...(template.inputs?.parameters ?? [])
    .filter((each) => each.default === undefined && each.value === undefined && each.valueFrom === undefined)
    .map(({ name }) => name),
  ...requiredArtifacts(template),
];

export const requiredArtifacts = ({ inputs }: ITemplate): readonly string[] =>
  (inputs?.artifacts ?? [])
    .filter((each) => each.optional !== true && !locations.some((location) => location in each))
    .map(({ name }) => name);

const locations = ["s3", "git", "http", "raw", "artifactory", "hdfs", "oss", "gcs", "azure", "plugin"];

const callArguments = (view: ManifestView) =>
  [...calls(view)].flatMap((call) => {
    const called = resolve(view, call.use);
    return called === undefined || called === "elsewhere" ? [] : [{ call, called }];
  });

/** The arguments of a workflow: its own, over those of the template that it runs. */
const workflowArguments = (view: ManifestView) => {
  const own = view.spec.arguments?.parameters ?? [];
  const template = referenced(view)?.spec.arguments?.parameters ?? [];
  return [...own, ...template.filter(({ name }) => !own.some((each) => each.name === name))];
};

export const callRules: readonly Rule[] = [
  {
    id: "unknown-template",
    severity: "error",
    about:
      "A task, a hook or the workflow names a template that is not there. `argo lint` does not look at hooks of tasks.",
    remedy: "Name a template of this workflow; with handles instead of names it cannot happen.",
    check(view, report) {
      for (const call of calls(view)) {
        if (resolve(view, call.use) !== undefined) continue;
        const { template, templateRef } = call.use;
        const name = template ?? `${templateRef?.name}/${templateRef?.template}`;
        report(
          place(call, templateRef === undefined ? "template" : "templateRef"),
          `There is no template "${name}".`,
        );
      }
      for (const field of ["entrypoint", "onExit"] as const) {
        const name = view.spec[field];
        const holder = view.spec.workflowTemplateRef === undefined ? view : referenced(view);
        if (name === undefined || holder === undefined || holder.templates.has(name)) continue;
        report({ field: `spec.${field}` }, `There is no template "${name}".`);
      }
    },
  },
  {
    id: "missing-input",
    severity: "error",
    about: "An input that has no default is not given. `argo lint` does not look at hooks.",
    remedy:
      "Give the argument, or give the input a default (for an exit handler: {{workflow.parameters.NAME}}).",
    check(view, report) {
      for (const { call, called } of callArguments(view)) {
        const given = names(call.use.arguments);
        for (const name of requiredInputs(called)) {
          if (!given.includes(name)) report(place(call), `"${called.name}" needs the input "${name}".`);
        }
      }
      // Only what the run itself gives counts: for values that the WorkflowTemplate has, Argo 4.1 refuses the run.
      const holder = view.spec.workflowTemplateRef === undefined ? view : referenced(view);
      const given = view.object.kind.endsWith("WorkflowTemplate") ? [] : names(view.spec.arguments);
      const { onExit } = holder?.spec ?? {};
      const exit = onExit === undefined ? undefined : holder?.templates.get(onExit)?.template;
      for (const name of exit === undefined ? [] : requiredInputs(exit)) {
        if (!given.includes(name)) {
          report(
            { field: "spec.onExit" },
            `The exit handler "${onExit}" needs "${name}", which the run does not give; a template's own value is not looked at.`,
          );
        }
      }
    },
  },
  {
    id: "unknown-argument",
    severity: "error",
    about: "An argument is given that the template does not take; Argo drops it without a word.",
    remedy: "Correct its name, or declare the input.",
    check(view, report) {
      for (const { call, called } of callArguments(view)) {
        const taken = names(called.inputs);
        for (const name of names(call.use.arguments)) {
          if (!taken.includes(name)) report(place(call), `"${called.name}" has no input "${name}".`);
        }
      }
      const holder = referenced(view);
      const known = (holder?.spec.arguments?.parameters ?? []).map(({ name }) => name);
      for (const name of names(holder === undefined ? undefined : view.spec.arguments)) {
        if (!known.includes(name)) {
          report({ field: "spec.arguments" }, `The template that is run has no argument "${name}".`);
        }
      }
    },
  },
  {
    id: "missing-argument",
    severity: "error",
    about: "A Workflow or CronWorkflow does not give an argument for which its template has no value.",
    remedy: "Give it under `arguments`, or give the entry's input a default.",
    check(view, report) {
      if (view.object.kind.endsWith("WorkflowTemplate")) return;
      for (const { name, value, valueFrom } of workflowArguments(view)) {
        if (value === undefined && valueFrom === undefined) {
          report({ field: "spec.arguments" }, `The argument "${name}" has no value.`);
        }
      }
    },
  },
  {
    id: "unused-input",
    severity: "warning",
    about: "An input is declared and nothing in the template uses it.",
    remedy: "Use it, or take it out; an input that does nothing is often a forgotten flag.",
    check(view, report) {
      for (const { name, template } of view.templates.values()) {
        const { inputs, ...rest } = template;
        // The UI shows them while the workflow waits.
        if (template.suspend !== undefined) continue;
        const exit =
          name === view.spec.entrypoint ? view.templates.get(view.spec.onExit ?? "")?.template : undefined;
        const text = JSON.stringify(rest);
        if (/inputs\.parameters(?:}}|\s|$)/.test(text)) continue;
        for (const { name: input } of inputs?.parameters ?? []) {
          // The entry's inputs are the workflow's arguments, which its exit handler takes too.
          if (exit?.inputs?.parameters?.some((each) => each.name === input)) continue;
          if (
            !text.includes(`inputs.parameters.${input}`) &&
            !text.includes(`inputs.parameters['${input}']`)
          ) {
            report(
              { template: name, field: `inputs.parameters.${input}` },
              `Nothing uses the input "${input}".`,
            );
          }
        }
      }
    },
  },
];
