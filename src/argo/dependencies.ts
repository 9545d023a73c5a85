import { OutcomeNode } from "./condition.ts";
import { DefinitionError } from "./error.ts";
import type { Need } from "./handle.ts";

/** What a task waits for, gathered from its arguments, its order and its conditions. */
export class Dependencies {
  readonly #template: string;
  readonly #task: string;
  /** Argo's terms in the order in which they were first asked for, by task. */
  readonly #needs = new Map<string, Need>();
  readonly #outcomes: OutcomeNode[] = [];
  /** Whether it may be omitted because of how another task ended. */
  byOutcome = false;

  constructor(template: string, task: string) {
    this.#template = template;
    this.#task = task;
  }

  /** That a value of another task is used, or that it comes before. */
  need(need: Need | undefined, guarded: boolean): void {
    if (need === undefined || need.strength === "own") return;
    if (need.strength === "succeeded") {
      if (!guarded) this.#refuse(need.task, `succeeded(${need.task}).outputs is used outside d.when(…)`);
      this.byOutcome = true;
    }
    const known = this.#needs.get(need.task);
    if (known === undefined || strength[need.strength] > strength[known.strength])
      this.#needs.set(need.task, need);
  }

  require(outcome: OutcomeNode): void {
    this.#outcomes.push(outcome);
    if (!("always" in outcome)) this.byOutcome = true;
  }

  /** Argo's `depends`. */
  expression(): string | undefined {
    const terms = new Set<string>();
    for (const outcome of this.#outcomes) {
      for (const { facts, tolerant } of outcome.tasks) {
        const strict = this.#needs.get(facts.name);
        if (strict === undefined) continue;
        if (tolerant && strict.strength !== "finished")
          this.#refuse(facts.name, `it also waits for ${outcome.term}`);
        // What is required says more: `a.Succeeded` than `a`, `a.Failed` than that `a` is over.
        this.#needs.delete(facts.name);
      }
      terms.add(outcome.term);
    }
    const needed = [...this.#needs.values()].map(({ term }) => term);
    const all = [...new Set([...needed, ...terms])];
    if (all.length === 0) return undefined;
    return all.length === 1 ? withoutBrackets(all[0] ?? "") : all.join(" && ");
  }

  #refuse(earlier: string, why: string): never {
    throw new DefinitionError(
      "ARGO_CONTRADICTION",
      `The task "${this.#task}" of "${this.#template}" uses what "${earlier}" gives when it succeeds, yet ${why}.`,
      `Use outputs of "${earlier}" only where it has succeeded: d.when(succeeded(${earlier})).`,
    );
  }
}

const strength = { own: 0, finished: 1, settled: 2, succeeded: 3 } as const;

/** Brackets around the whole say nothing. */
const withoutBrackets = (term: string): string => term.match(/^\(([^()]*)\)$/)?.[1] ?? term;
