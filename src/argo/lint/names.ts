import type { Rule } from "./finding.ts";
import { isPod } from "./view.ts";

/** Words of the language in which Argo evaluates `depends` (expr 1.17, tried one by one). */
const reserved = "not in and or true false nil let if else matches contains startsWith endsWith".split(" ");

const subdomain = /^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/;
const fieldName = /^[a-zA-Z0-9][-a-zA-Z0-9]{0,127}$/;
const parameterName = /^[-a-zA-Z0-9_]+$/;
const labelKey = /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[a-zA-Z0-9](?:[-\w.]{0,61}[a-zA-Z0-9])?$/;
const labelValue = /^(?:[a-zA-Z0-9](?:[-\w.]{0,61}[a-zA-Z0-9])?)?$/;

const longest = {
  Workflow: 63,
  WorkflowTemplate: 63,
  ClusterWorkflowTemplate: 63,
  CronWorkflow: 52,
} as const;
/** Kubernetes cuts a generateName here before it adds five characters. */
const longestPrefix = 58;

export const nameRules: readonly Rule[] = [
  {
    id: "bad-name",
    severity: "error",
    about:
      "A name that Kubernetes or Argo refuses: 63 lower-case characters for a workflow or a template, 52 for a CronWorkflow (its runs get a time at the end).",
    remedy: "Use lower-case letters, digits and hyphens; shorten it.",
    check(view, report) {
      const { kind, metadata } = view.object;
      const { name, generateName } = metadata ?? {};
      if (name !== undefined && (name.length > longest[kind] || !subdomain.test(name))) {
        report(
          { field: "metadata.name" },
          `"${name}" (${name.length} characters) is no name for a ${kind}; at most ${longest[kind]}.`,
        );
      }
      if (generateName !== undefined && !subdomain.test(`${generateName}x`)) {
        report({ field: "metadata.generateName" }, `"${generateName}" is no beginning of a name.`);
      }
      for (const {
        name: template,
        template: { inputs, outputs },
        tasks,
      } of view.templates.values()) {
        if (!fieldName.test(template)) report({ template }, `"${template}" is no name for a template.`);
        for (const task of tasks.keys()) {
          if (!fieldName.test(task)) report({ template, task }, `"${task}" is no name for a task.`);
        }
        for (const [field, io] of [
          ["inputs", inputs],
          ["outputs", outputs],
        ] as const) {
          for (const { name } of [...(io?.parameters ?? []), ...(io?.artifacts ?? [])]) {
            if (!parameterName.test(name))
              report(
                { template, field: `${field}.${name}` },
                `"${name}" is no name for a parameter or artifact.`,
              );
          }
        }
      }
    },
  },
  {
    id: "name-cut-off",
    severity: "warning",
    about:
      "The names of runs begin with the template's name, and Kubernetes cuts that after 58 characters: runs of templates that differ only later look alike.",
    remedy: "Shorten the name.",
    check(view, report) {
      const { kind, metadata } = view.object;
      const prefix =
        metadata?.generateName ?? (kind.endsWith("WorkflowTemplate") ? `${metadata?.name}-` : "");
      if (prefix.length > longestPrefix) {
        report(
          { field: "metadata" },
          `Runs are named "${prefix.slice(0, longestPrefix)}…": the end of "${prefix}" is cut off.`,
        );
      }
    },
  },
  {
    id: "same-manifest-name",
    severity: "error",
    about: "Two manifests of one kind have one name: the second replaces the first when both are applied.",
    remedy: "Give each a name of its own.",
    check(view, report) {
      const { kind, metadata } = view.object;
      const held = view.others.get(`${kind} ${metadata?.name}`);
      if (kind.endsWith("WorkflowTemplate") && held !== view) {
        report({ field: "metadata.name" }, `Another ${kind} is named "${metadata?.name}".`);
      }
    },
  },
  {
    id: "template-name-case",
    severity: "error",
    about: "A template's name is part of its pods' names, and Kubernetes allows no upper-case letters there.",
    remedy: "Write it in lower case.",
    check(view, report) {
      for (const { name, template } of view.templates.values()) {
        if (isPod(template) && name !== name.toLowerCase())
          report({ template: name }, `"${name}" has upper-case letters.`);
      }
    },
  },
  {
    id: "task-name-reserved",
    severity: "error",
    about:
      "A task that others come after has a name that is a word of the expression language, or begins with a digit: Argo cannot evaluate `depends`.",
    remedy: "Give the task another name.",
    check(view, report) {
      for (const { name, tasks } of view.templates.values()) {
        const earlier = new Set([...tasks.values()].flatMap(({ depends }) => [...depends.tasks]));
        for (const task of tasks.keys()) {
          const digit = earlier.size > 0 && /^\d/.test(task);
          if (digit || (earlier.has(task) && reserved.includes(task))) {
            report({ template: name, task }, `"${task}" cannot stand in an expression.`);
          }
        }
      }
    },
  },
  {
    id: "bad-label",
    severity: "error",
    about:
      "A label that Kubernetes refuses: the key, or a value that is longer than 63 characters or has other than letters, digits, `-`, `_` and `.` in it.",
    remedy: "Put long or free text into an annotation.",
    check(view, report) {
      const look = (
        labels: Readonly<Record<string, string>> | undefined,
        place: { template?: string; field: string },
      ) => {
        for (const [key, value] of Object.entries(labels ?? {})) {
          if (labelKey.test(key) && (value.includes("{{") || labelValue.test(value))) continue;
          report({ ...place, field: `${place.field}.${key}` }, `"${key}: ${value}" is no label.`);
        }
      };
      look(view.object.metadata?.labels, { field: "metadata.labels" });
      look(view.spec.workflowMetadata?.labels, { field: "spec.workflowMetadata.labels" });
      if (view.object.kind === "CronWorkflow")
        look(view.object.spec.workflowMetadata?.labels, { field: "spec.workflowMetadata.labels" });
      look(view.spec.podMetadata?.labels, { field: "spec.podMetadata.labels" });
      for (const { name, template } of view.templates.values())
        look(template.metadata?.labels, { template: name, field: "metadata.labels" });
    },
  },
];
