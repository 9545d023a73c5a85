import type { Rule } from "./finding.ts";
import { leaves, simulate } from "./simulate.ts";
import { isPod, type ManifestView, referenced, resolve, type TaskView, type TemplateView } from "./view.ts";

/** Whether the task or hook is told how the other task ended, and so can end as it did. */
const isTold = (use: object, task: string): boolean =>
  new RegExp(`\\btasks\\.${task}\\.status\\b|\\btasks\\[['"]${task}['"]\\]\\.status`).test(
    JSON.stringify(use),
  );

function* exitHooks(view: ManifestView) {
  for (const template of view.templates.values()) {
    for (const each of template.tasks.values()) {
      const hook = each.task.hooks?.["exit"];
      if (hook !== undefined) yield { template, task: each, hook };
    }
  }
}

/** Tasks that run although this one failed. */
function runAnyway(template: TemplateView, failed: TaskView): ReadonlySet<string> {
  const found = new Set<string>();
  for (const phase of ["Failed", "Errored"] as const) {
    const phases = simulate(template, failed.task.name, phase);
    for (const [name, { ancestors }] of template.tasks) {
      if (ancestors.has(failed.task.name) && phases?.get(name) === "Succeeded") found.add(name);
    }
  }
  return found;
}

export const retryRules: readonly Rule[] = [
  {
    id: "retry-blocked",
    severity: "warning",
    about:
      "A task runs although one before it failed, and is not told so. When it succeeds, `argo retry` leaves the failed one as it is, without a word.",
    remedy:
      "Give it finished(task).status and let it exit non-zero when that is not Succeeded, or do its work in the workflow's onExit.",
    check(view, report) {
      for (const template of view.templates.values()) {
        for (const failed of template.tasks.values()) {
          for (const name of runAnyway(template, failed)) {
            const task = template.tasks.get(name)?.task;
            if (task === undefined || isTold(task, failed.task.name)) continue;
            report(
              { template: template.name, task: name, field: "depends" },
              `"${name}" runs when "${failed.task.name}" failed, and its success would keep "${failed.task.name}" from being retried.`,
            );
          }
        }
      }
    },
  },
  {
    id: "failure-hidden",
    severity: "warning",
    about:
      "A DAG ends as its last tasks end: when those run and succeed although one before them failed, the DAG has Succeeded.",
    remedy: "Let a last task exit non-zero when finished(task).status is not Succeeded, or use an exit hook.",
    check(view, report) {
      for (const template of view.templates.values()) {
        if (template.template.dag?.target !== undefined) continue;
        const last = leaves(template);
        for (const { task } of template.tasks.values()) {
          if (last.has(task.name)) continue;
          const phases = simulate(template, task.name, "Failed");
          const told = [...last].some((name) => isTold(template.tasks.get(name)?.task ?? {}, task.name));
          if (phases === undefined || told || [...last].some((name) => phases.get(name) !== "Succeeded"))
            continue;
          report(
            { template: template.name, task: task.name },
            `When "${task.name}" fails, "${template.name}" still succeeds.`,
          );
        }
      }
    },
  },
  {
    id: "exit-hook-ignores-status",
    severity: "warning",
    about:
      "An exit hook is not told how its task ended. When it succeeds after a failure, `argo retry` does not run it again (the task is a DAG), or does nothing at all (the task is a pod).",
    remedy:
      "Give it the status that onExit hands over, and let it exit non-zero, after its work, when that is not Succeeded.",
    check(view, report) {
      for (const { template, task, hook } of exitHooks(view)) {
        if (isTold(hook, task.task.name)) continue;
        report(
          { template: template.name, task: task.task.name, field: "hooks.exit" },
          `The exit hook of "${task.task.name}" cannot know that it failed.`,
        );
      }
    },
  },
  {
    id: "exit-hook-of-several-pods",
    severity: "warning",
    about: "An exit hook is a DAG. What succeeded in it is kept by `argo retry` and does not run again.",
    remedy: "Do the work and give the verdict in one container.",
    check(view, report) {
      for (const { template, task, hook } of exitHooks(view)) {
        const run = resolve(view, hook);
        if (typeof run === "object" && run.dag !== undefined) {
          report(
            { template: template.name, task: task.task.name, field: "hooks.exit" },
            `The exit hook "${run.name}" is a DAG.`,
          );
        }
      }
    },
  },
  {
    id: "exit-hook-may-not-run",
    severity: "warning",
    about:
      "`argo stop` waits for exit hooks of the last tasks of the entry's DAG only; others may be lost (argo-workflows #15088).",
    remedy: "Put the hook on a task of the entry's DAG that no other comes after.",
    check(view, report) {
      for (const { template, task } of exitHooks(view)) {
        const isEntry = template.name === view.spec.entrypoint;
        if (isEntry && leaves(template).has(task.task.name)) continue;
        report(
          { template: template.name, task: task.task.name, field: "hooks.exit" },
          `The exit hook of "${task.task.name}" may not run when the workflow is stopped: ${isEntry ? "other tasks come after it" : `"${template.name}" is not the entry`}.`,
        );
      }
    },
  },
  {
    id: "exit-hook-and-retry",
    severity: "warning",
    about:
      "A task with an exit hook and tasks after it runs a template with a retry: the DAG may end Succeeded although it failed (argo-workflows #13239).",
    remedy: "Put the retry on the templates of the pods inside, or let no task come after.",
    check(view, report) {
      for (const { template, task } of exitHooks(view)) {
        const run = resolve(view, task.task);
        if (typeof run !== "object" || run.retryStrategy === undefined) continue;
        if (leaves(template).has(task.task.name)) continue;
        report(
          { template: template.name, task: task.task.name, field: "hooks.exit" },
          `"${run.name}" is retried, and "${task.task.name}" has an exit hook and is not the last task.`,
        );
      }
    },
  },
  {
    id: "exit-hook-tried-again",
    severity: "warning",
    about:
      "The exit hook of a task that is a DAG runs a template with a retry. `argo retry` leaves the hook's own node Running inside that DAG, which waits for it without end (seen with Argo 4.1.2).",
    remedy: "Take the retry off the template that the hook runs.",
    check(view, report) {
      for (const { template, task, hook } of exitHooks(view)) {
        const run = resolve(view, hook);
        const after = resolve(view, task.task);
        if (typeof run !== "object" || run.retryStrategy === undefined) continue;
        if (typeof after !== "object" || after.dag === undefined) continue;
        report(
          { template: template.name, task: task.task.name, field: "hooks.exit" },
          `"${run.name}" is retried, and "${after.name}" is a DAG.`,
        );
      }
    },
  },
  {
    id: "exit-handler-past-deadline",
    severity: "warning",
    about:
      "The workflow has a deadline, and its exit handler, or the exit hook of a task, runs a template with a retry. Past the deadline Argo fails the pod of such a one before it starts (seen with Argo 4.1.2): nothing is cleaned up.",
    remedy: "Take the retry off the template that the exit handler or hook runs.",
    check(view, report) {
      const { activeDeadlineSeconds, onExit, hooks, workflowTemplateRef } = view.spec;
      const holder = workflowTemplateRef === undefined ? view : referenced(view);
      // What a template says by itself is told of the template.
      const says = [activeDeadlineSeconds, onExit, hooks].some((own) => own !== undefined);
      if (holder === undefined || (holder !== view && !says)) return;
      if ((activeDeadlineSeconds ?? holder.spec.activeDeadlineSeconds) === undefined) return;
      const handler = onExit ?? holder.spec.onExit;
      const uses = [
        ...(handler === undefined
          ? []
          : [{ place: { field: "spec.onExit" }, run: resolve(holder, { template: handler }) }]),
        ...Object.entries(hooks ?? holder.spec.hooks ?? {}).flatMap(([name, hook]) =>
          name === "exit" ? [{ place: { field: "spec.hooks.exit" }, run: resolve(holder, hook) }] : [],
        ),
        ...[...exitHooks(holder)].map(({ template, task, hook }) => ({
          place: { template: template.name, task: task.task.name, field: "hooks.exit" },
          run: resolve(holder, hook),
        })),
      ];
      for (const { place, run } of uses) {
        if (typeof run === "object" && run.retryStrategy !== undefined)
          report(place, `"${run.name}" is retried, and the workflow has a deadline.`);
      }
    },
  },
  {
    id: "exit-hook-display-name",
    severity: "error",
    about:
      "Argo knows an exit hook's node by the end of its displayed name; a template with a display name of its own is not recognised.",
    remedy: "Take the display name off the template that the hook runs.",
    check(view, report) {
      for (const { template, task, hook } of exitHooks(view)) {
        const run = resolve(view, hook);
        if (
          typeof run === "object" &&
          run.annotations?.["workflows.argoproj.io/display-name"] !== undefined
        ) {
          report(
            { template: template.name, task: task.task.name, field: "hooks.exit" },
            `"${run.name}" has a display name.`,
          );
        }
      }
    },
  },
  {
    id: "hook-may-be-lost",
    severity: "warning",
    about:
      "A hook for a status, on a task that others come after, is lost when that task fails (argo-workflows #16057).",
    remedy: "Use an exit hook, or put it on a task that no other comes after.",
    check(view, report) {
      for (const template of view.templates.values()) {
        const last = leaves(template);
        for (const { task } of template.tasks.values()) {
          for (const hook of Object.keys(task.hooks ?? {})) {
            if (hook === "exit" || last.has(task.name)) continue;
            report(
              { template: template.name, task: task.name, field: `hooks.${hook}` },
              `"${hook}" may not run when "${task.name}" fails.`,
            );
          }
        }
      }
    },
  },
  {
    id: "retry-for-all",
    severity: "warning",
    about: "A retry for the whole workflow holds for every template: DAGs, exit hooks and teardowns too.",
    remedy: "Give the templates of the pods a retry each.",
    check(view, report) {
      if (view.spec.retryStrategy !== undefined)
        report({ field: "spec.retryStrategy" }, "Every template is retried.");
      if (view.spec.templateDefaults?.retryStrategy !== undefined)
        report({ field: "spec.templateDefaults.retryStrategy" }, "Every template is retried.");
    },
  },
  {
    id: "retry-of-dag",
    severity: "warning",
    about:
      "A retry on a DAG: `argo retry` resets each of its tries and goes on with the last one only; the others stay Running.",
    remedy: "Give the templates of the pods inside a retry each.",
    check(view, report) {
      for (const { name, template } of view.templates.values()) {
        if (template.retryStrategy === undefined || isPod(template)) continue;
        report({ template: name, field: "retryStrategy" }, `"${name}" is no pod and is retried.`);
      }
    },
  },
  {
    id: "retry-without-limit",
    severity: "warning",
    about: "A retry without a limit goes on without end.",
    remedy: "Say how often: retry: { limit: 2 }.",
    check(view, report) {
      for (const { name, template } of view.templates.values()) {
        if (template.retryStrategy === undefined || template.retryStrategy.limit !== undefined) continue;
        report({ template: name, field: "retryStrategy.limit" }, `"${name}" is retried without end.`);
      }
    },
  },
  {
    id: "daemon-not-restarted",
    severity: "warning",
    about:
      "`argo retry` does not start a daemon again (argo-workflows #13484): the steps after it find no server.",
    remedy: "Let each step make sure of its server, and take it down in an exit hook.",
    check(view, report) {
      for (const { name, template } of view.templates.values()) {
        if (template.daemon === true) report({ template: name, field: "daemon" }, `"${name}" is a daemon.`);
      }
    },
  },
];
