import type { ITemplate } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/Template";
import { type ManifestView, resolve, type TaskView, type TemplateView } from "./view.ts";

/** What is wrong with a reference; undefined when nothing is. */
export type Trouble =
  | { readonly kind: "unknown" | "no-dependency" | "foreign"; readonly message: string }
  | undefined;

/** The roots under which Argo looks for a value itself (workflow/common/common.go). */
const roots = [
  "item",
  "steps",
  "inputs",
  "outputs",
  "pod",
  "node",
  "workflow",
  "tasks",
  "retries",
  "lastRetry",
];

const runFacts =
  /^(?:name|namespace|mainEntrypoint|serviceAccountName|uid|status|failures|duration|priority|scheduledTime|creationTimestamp(?:\..+)?|parameters(?:\.json)?|(?:labels|annotations)(?:\..+)?|outputs\..+)$/;

const taskFacts =
  /^(?:id|name|status|startedAt|finishedAt|hostNodeName|ip|exitCode|outputs\.(?:result|parameters))$/;

/** Whether a reference has a value where it stands. */
export function checkReference(
  view: ManifestView,
  template: TemplateView,
  task: TaskView | undefined,
  path: string,
): Trouble {
  const [root = "", ...rest] = path.split(".");
  const below = rest.join(".");
  const unknown = (message: string): Trouble => ({ kind: "unknown", message });
  if (!roots.includes(root) || template.template.steps !== undefined) {
    return roots.includes(root) ? undefined : { kind: "foreign", message: `Argo has no value "${path}".` };
  }
  if (root === "workflow")
    return checkRunFact(view, below) ? undefined : unknown(`The workflow has no "${below}".`);
  if (root === "inputs") {
    return hasInput(template.template, below)
      ? undefined
      : unknown(`"${template.name}" has no input for "${path}".`);
  }
  if (root === "item") {
    const { withItems, withParam, withSequence } = task?.task ?? {};
    const loops = [withItems, withParam, withSequence].some((each) => each !== undefined);
    return loops ? undefined : unknown(`"${path}" has a value only in tasks that run once for each item.`);
  }
  return root === "tasks" && below !== "name" ? checkTaskFact(view, template, task, rest) : undefined;
}

function checkRunFact(view: ManifestView, below: string): boolean {
  const parameter = /^parameters\.(.+)$/.exec(below)?.[1];
  if (parameter === undefined || parameter === "json") return runFacts.test(below);
  const runs = [view, ...view.others.values()];
  return runs.some(({ spec }) => (spec.arguments?.parameters ?? []).some(({ name }) => name === parameter));
}

function hasInput({ inputs }: ITemplate, below: string): boolean {
  if (below === "parameters" || below === "artifacts") return true;
  const [kind, name] = below.replace(/^(artifacts\..+)\.path$/, "$1").split(/\.(.*)/s);
  const declared = kind === "parameters" ? inputs?.parameters : inputs?.artifacts;
  return (declared ?? []).some((each) => each.name === name);
}

function checkTaskFact(
  view: ManifestView,
  template: TemplateView,
  from: TaskView | undefined,
  rest: readonly string[],
): Trouble {
  const [name = "", ...facts] = rest;
  const fact = facts.join(".");
  const target = template.tasks.get(name);
  if (target === undefined) return { kind: "unknown", message: `"${template.name}" has no task "${name}".` };
  if (from !== undefined && from !== target && !from.ancestors.has(name)) {
    return {
      kind: "no-dependency",
      message: `"${from.task.name}" does not come after "${name}", whose "${fact}" it uses.`,
    };
  }
  if (taskFacts.test(fact)) return undefined;
  const called = resolve(view, target.task);
  if (called === "elsewhere" || called === undefined) return undefined;
  const output = /^outputs\.(parameters|artifacts)\.(.+)$/.exec(fact);
  const declared = output?.[1] === "artifacts" ? called.outputs?.artifacts : called.outputs?.parameters;
  if (output !== null && (declared ?? []).some((each) => each.name === output[2])) return undefined;
  return { kind: "unknown", message: `The task "${name}" has no "${fact}".` };
}
