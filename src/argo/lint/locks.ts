import type { ISynchronization } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/Synchronization";
import type { Rule } from "./finding.ts";
import { reachable } from "./view.ts";

/** The mutexes that are known by name before the workflow runs. */
const mutexes = (locks: ISynchronization | undefined): readonly string[] =>
  (locks?.mutexes ?? []).flatMap(({ name }) => (name === undefined || name.includes("{{") ? [] : [name]));

/** Kinds of locks that a template or the workflow wants. */
const kindsOf = (locks: ISynchronization | undefined): readonly ("mutex" | "semaphore")[] => [
  ...(locks?.mutexes?.length ? (["mutex"] as const) : []),
  ...(locks?.semaphores?.length ? (["semaphore"] as const) : []),
];

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
  {
    id: "locks-of-two-kinds",
    severity: "warning",
    about:
      "A template holds a lock of a kind (mutex or semaphore) that the workflow itself does not hold, and another lock is of the other kind. A retry takes the locks anew, meets the finished template, and Argo 4.1.2 ends the workflow in Error: nil pointer in LockReleased (seen with a mutex of the workflow and semaphores of templates).",
    remedy:
      "Use one kind for all: a semaphore whose limit is 1 does what a mutex does. Or let the workflow hold one of each.",
    check(view, report) {
      const ofWorkflow = kindsOf(view.spec.synchronization);
      const holders = [...view.templates.values()].map(({ name, template }) => ({
        name,
        kinds: kindsOf(template.synchronization),
      }));
      const all = new Set([ofWorkflow, ...holders.map(({ kinds }) => kinds)].flat());
      if (all.size < 2) return;
      for (const { name, kinds } of holders) {
        const missing = kinds.filter((kind) => !ofWorkflow.includes(kind));
        if (missing.length === 0) continue;
        report(
          { template: name, field: "synchronization" },
          `"${name}" holds a ${missing.join(" and a ")}, which the workflow does not, and not all locks are of that kind.`,
        );
      }
    },
  },
];
