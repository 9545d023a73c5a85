import { absentOutputs } from "./absent.ts";
import type { Report, Rule } from "./finding.ts";
import { checkReference, type Trouble } from "./scope.ts";
import { referencesIn, stringsIn, type Tag, tagsIn } from "./tags.ts";
import { type ManifestView, reachable, type TaskView, type TemplateView } from "./view.ts";

interface Found {
  readonly template: TemplateView;
  readonly task: TaskView | undefined;
  readonly field: string;
  readonly tag: Tag;
}

/** Every tag of a manifest's templates, with where it stands. */
function* tags({ templates }: ManifestView): Generator<Found> {
  for (const template of templates.values()) {
    const { dag: _tasks, ...rest } = template.template;
    yield* tagsOf(template, undefined, rest);
    for (const task of template.tasks.values()) yield* tagsOf(template, task, task.task);
  }
}

function* tagsOf(template: TemplateView, task: TaskView | undefined, value: unknown): Generator<Found> {
  for (const { path, text } of stringsIn(value)) {
    for (const tag of tagsIn(text)) yield { template, task, field: path, tag };
  }
}

const place = ({ template, task, field }: Found) => ({
  template: template.name,
  ...(task === undefined ? {} : { task: task.task.name }),
  field,
});

/** Looks at each reference, those in expressions too, and reports trouble of this kind. */
function reportTrouble(view: ManifestView, kind: NonNullable<Trouble>["kind"], report: Report): void {
  for (const found of tags(view)) {
    if (found.tag.kind === "open") continue;
    const isExpression = found.tag.kind === "expression";
    const paths = isExpression ? referencesIn(found.tag.text) : [found.tag.text];
    // A metric is written at the end of its node, and may say how that went.
    if (found.field.startsWith("metrics.") && metricFacts.test(found.tag.text)) continue;
    for (const path of paths) {
      const trouble = checkReference(view, found.template, found.task, path);
      if (trouble?.kind === kind) report(place(found), trouble.message);
    }
  }
}

const metricFacts = /^(?:duration|status|exitCode|resourcesDuration\.\w+)$/;

export const referenceRules: readonly Rule[] = [
  {
    id: "unknown-reference",
    severity: "error",
    about:
      "A `{{…}}` names nothing that has a value where it stands. `argo lint` does not look into `{{=…}}`, nor for `{{workflow.parameters.…}}` in a WorkflowTemplate.",
    remedy: "Pass the handle instead of writing its text.",
    check: (view, report) => reportTrouble(view, "unknown", report),
  },
  {
    id: "reference-without-dependency",
    severity: "error",
    about: "A task uses a value of a task that it does not come after.",
    remedy: "Pass the handle instead of writing its text: the dependency follows from it.",
    check: (view, report) => reportTrouble(view, "no-dependency", report),
  },
  {
    id: "foreign-braces",
    severity: "warning",
    about:
      "Text has `{{…}}` of some other language in it (a chat template, a Go template). Argo reads it first.",
    remedy: "Keep such text in a ConfigMap or a file, and mount it.",
    check: (view, report) => reportTrouble(view, "foreign", report),
  },
  {
    id: "open-braces",
    severity: "error",
    about: "Text has `{{` without `}}` after it; Argo cannot read the template.",
    remedy: "Keep such text in a ConfigMap or a file, and mount it.",
    check(view, report) {
      for (const found of tags(view)) {
        if (found.tag.kind === "open") report(place(found), `"${found.tag.text}" is never closed.`);
      }
    },
  },
  {
    id: "end-facts-too-early",
    severity: "warning",
    about:
      "{{workflow.failures}} has a value, and {{workflow.status}} its final one, only in exit handlers of the workflow.",
    remedy: "Use it in the workflow's onExit.",
    check(view, report) {
      const atTheEnd = reachable(view, view.spec.onExit);
      const before = reachable(view, view.spec.entrypoint);
      for (const found of tags(view)) {
        const { name } = found.template;
        if (!/^workflow\.(?:status|failures)$/.test(found.tag.text)) continue;
        if (before.has(name) && !atTheEnd.has(name)) {
          report(place(found), `"${name}" runs before the workflow has ended.`);
        }
      }
    },
  },
  {
    id: "output-may-be-absent",
    severity: "error",
    about: "A task uses an output, without a default, of a task that may have been skipped while it runs.",
    remedy: "Give the output a default, or run the task only under d.when(succeeded(task)).",
    check: (view, report) => absentOutputs(view, "skipped", report),
  },
  {
    id: "output-of-failed-task",
    severity: "error",
    about:
      "A task that runs although another failed uses an output of it. A pod that was lost has none, and Argo waits for the value without end.",
    remedy: "Use only finished(task).status, or write what is needed to a volume.",
    check: (view, report) => absentOutputs(view, "failed", report),
  },
];
