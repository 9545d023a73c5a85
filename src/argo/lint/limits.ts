import { requiredArtifacts } from "./calls.ts";
import type { Rule } from "./finding.ts";
import { referenced } from "./view.ts";

const most = { templates: 200, tasks: 200, parameters: 500, metrics: 100 } as const;

/** etcd refuses a request of more than 1.5 MiB, and a run keeps the template's spec beside the status of its nodes. */
const mostBytes = 1.5 * 2 ** 20;
const roomForStatus = 0.5;

export const limitRules: readonly Rule[] = [
  {
    id: "too-many",
    severity: "error",
    about:
      "More templates (200), tasks in a DAG (200), parameters (500) or metrics (100) than Argo's schema allows.",
    remedy: "Split the DAG into several templates; do not nest DAGs in tasks for it.",
    check(view, report) {
      const look = (what: keyof typeof most, count: number, place: { template?: string; field: string }) => {
        if (count > most[what]) report(place, `${count} ${what}; at most ${most[what]}.`);
      };
      look("templates", view.templates.size, { field: "spec.templates" });
      look("parameters", view.spec.arguments?.parameters?.length ?? 0, {
        field: "spec.arguments.parameters",
      });
      for (const { name, template, tasks } of view.templates.values()) {
        look("tasks", tasks.size, { template: name, field: "dag.tasks" });
        look("parameters", template.inputs?.parameters?.length ?? 0, {
          template: name,
          field: "inputs.parameters",
        });
        look("parameters", template.outputs?.parameters?.length ?? 0, {
          template: name,
          field: "outputs.parameters",
        });
        look("metrics", template.metrics?.prometheus?.length ?? 0, { template: name, field: "metrics" });
      }
    },
  },
  {
    id: "too-big",
    severity: "error",
    about: "The object is larger than etcd takes (1.5 MiB).",
    remedy: "Share templates by parameters; keep long text in ConfigMaps.",
    check(view, report) {
      const bytes = Buffer.byteLength(JSON.stringify(view.object));
      if (bytes > mostBytes) report({}, `${kib(bytes)} of at most ${kib(mostBytes)}.`);
    },
  },
  {
    id: "little-room-for-status",
    severity: "warning",
    about:
      "The object takes more than half of what etcd takes. Each run keeps a copy of it beside the status of every node.",
    remedy: "Share templates by parameters; keep long text in ConfigMaps.",
    check(view, report) {
      const bytes = Buffer.byteLength(JSON.stringify(view.object));
      if (bytes > mostBytes * roomForStatus && bytes <= mostBytes)
        report({}, `${kib(bytes)} of at most ${kib(mostBytes)}.`);
    },
  },
  {
    id: "empty-dag",
    severity: "error",
    about: "A DAG without tasks; Argo refuses it.",
    remedy: "Give it a task, or leave it out.",
    check(view, report) {
      for (const { name, template, tasks } of view.templates.values()) {
        if (template.dag !== undefined && tasks.size === 0)
          report({ template: name, field: "dag.tasks" }, `"${name}" has no tasks.`);
      }
    },
  },
  {
    id: "priority-ignored",
    severity: "warning",
    about: "Argo does not read `priority` from a WorkflowTemplate.",
    remedy: "Give it to the Workflow or CronWorkflow that runs the template.",
    check(view, report) {
      if (view.object.kind.endsWith("WorkflowTemplate") && view.spec.priority !== undefined) {
        report({ field: "spec.priority" }, "The priority has no effect here.");
      }
    },
  },
  {
    id: "artifact-without-source",
    severity: "error",
    about: "The entry wants an artifact, and the workflow says not where it lies.",
    remedy: "Patch spec.arguments.artifacts with its location, or take it as a task's output.",
    check(view, report) {
      const holder = referenced(view) ?? view;
      const entry = holder.templates.get(holder.spec.entrypoint ?? "")?.template;
      const given = [...(view.spec.arguments?.artifacts ?? []), ...(holder.spec.arguments?.artifacts ?? [])];
      for (const name of entry === undefined ? [] : requiredArtifacts(entry)) {
        if (given.some((each) => each.name === name)) continue;
        report({ field: `spec.arguments.artifacts.${name}` }, `Nothing says where "${name}" lies.`);
      }
    },
  },
];

const kib = (bytes: number): string => `${Math.round(bytes / 1024)} KiB`;
