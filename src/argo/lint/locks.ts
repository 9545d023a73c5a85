import type { ISynchronization } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/Synchronization";
import type { Rule } from "./finding.ts";
import { reachable } from "./view.ts";

/** The mutexes that are known by name before the workflow runs. */
const mutexes = (locks: ISynchronization | undefined): readonly string[] =>
  (locks?.mutexes ?? []).flatMap(({ name }) => (name === undefined || name.includes("{{") ? [] : [name]));

export const lockRules: readonly Rule[] = [
  {
    id: "lock-waits-for-itself",
    severity: "error",
    about:
      "A template wants a mutex that the workflow, or a template in which it runs, already holds: it waits for ever.",
    remedy: "Hold the mutex in one place.",
    check(view, report) {
      const ofWorkflow = mutexes(view.spec.synchronization);
      for (const { name, template } of view.templates.values()) {
        const own = mutexes(template.synchronization);
        for (const mutex of own.filter((each) => ofWorkflow.includes(each))) {
          report({ template: name, field: "synchronization" }, `The workflow holds "${mutex}" already.`);
        }
        for (const inner of own.length === 0 ? [] : reachable(view, name)) {
          if (inner === name) continue;
          const wanted = mutexes(view.templates.get(inner)?.template.synchronization);
          for (const mutex of wanted.filter((each) => own.includes(each))) {
            report(
              { template: inner, field: "synchronization" },
              `"${name}", in which it runs, holds "${mutex}" already.`,
            );
          }
        }
      }
    },
  },
];
