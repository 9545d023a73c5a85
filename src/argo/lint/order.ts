import type { Rule } from "./finding.ts";

const outcomes = ["Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned"];
const ofLoops = ["AnySucceeded", "AllFailed"];

export const orderRules: readonly Rule[] = [
  {
    id: "unknown-dependency",
    severity: "error",
    about: "`depends` names a task or an outcome that does not exist, or asks for one that only loops have.",
    remedy: "Use after, or d.when(…) with the task itself: the text follows from it.",
    check(view, report) {
      for (const { name: template, tasks } of view.templates.values()) {
        for (const { task, depends } of tasks.values()) {
          const place = { template, task: task.name, field: "depends" };
          for (const earlier of depends.tasks) {
            if (!tasks.has(earlier)) report(place, `"${template}" has no task "${earlier}".`);
          }
          for (const { task: earlier, outcome } of depends.outcomes) {
            const { withItems, withParam, withSequence } = tasks.get(earlier)?.task ?? {};
            const loops = [withItems, withParam, withSequence].some((each) => each !== undefined);
            if (outcomes.includes(outcome) || (loops && ofLoops.includes(outcome))) continue;
            report(place, `"${earlier}" has no outcome "${outcome}".`);
          }
          if (depends.holds(() => "Succeeded") === undefined)
            report(place, `"${task.depends}" cannot be read.`);
        }
      }
    },
  },
  {
    id: "dependency-cycle",
    severity: "error",
    about: "Tasks wait for each other.",
    remedy: "Pass handles: a task can only be given what was made before it.",
    check(view, report) {
      for (const { name: template, tasks } of view.templates.values()) {
        for (const { task, ancestors } of tasks.values()) {
          if (!ancestors.has(task.name)) continue;
          report({ template, task: task.name, field: "depends" }, `"${task.name}" comes after itself.`);
        }
      }
    },
  },
  {
    id: "mixed-dependencies",
    severity: "error",
    about: "A DAG uses `depends` and, beside it, `dependencies` or `continueOn`; Argo refuses that.",
    remedy: "Use after and d.when(failed(task)), not a patch.",
    check(view, report) {
      for (const { name: template, tasks } of view.templates.values()) {
        if (![...tasks.values()].some(({ task }) => task.depends !== undefined)) continue;
        for (const { task } of tasks.values()) {
          const field = (["dependencies", "continueOn"] as const).find((each) => task[each] !== undefined);
          if (field !== undefined)
            report({ template, task: task.name, field }, `"${template}" uses depends.`);
        }
      }
    },
  },
];
