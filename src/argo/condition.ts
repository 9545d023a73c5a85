import { taskHandles } from "./body.ts";
import type { Handles, Outputs } from "./declare.ts";
import { type Facts, type Owner, Reference, TextNode, type Value, value } from "./handle.ts";
import type { Scalar, UnderWhen } from "./place.ts";

declare const standsIn: unique symbol;
declare const gives: unique symbol;
export const task: unique symbol = Symbol("task");

/** What the DAG knows of a task that it has made. */
export interface TaskFacts {
  readonly owner: Owner;
  readonly name: string;
  readonly outputs: Outputs;
  /** Whether it may not run at all: never, by a value (Argo: Skipped), or by another task's outcome (Omitted). */
  readonly unsure: "no" | "by-value" | "by-outcome";
}

/** A task of the DAG in which `Here` is; what it gives is in its `outputs`. */
export interface TaskHandle<out O, in Here> {
  readonly name: string;
  readonly [task]: TaskFacts;
  readonly [gives]: O;
  readonly [standsIn]: (place: Here) => void;
}

/** How a task can end. */
export type Phase = "Succeeded" | "Failed" | "Error" | "Skipped" | "Omitted";

/** A condition on how other tasks ended; Argo's `depends`. */
export interface Outcome<in Here> {
  readonly kind: "outcome";
  readonly [standsIn]: (place: Here) => void;
}

/** A condition on values; Argo's `when`. */
export interface Condition<in Here> {
  readonly kind: "condition";
  readonly [standsIn]: (place: Here) => void;
}

export class OutcomeNode {
  readonly kind = "outcome";
  /** Argo's expression. */
  readonly term: string;
  /** The tasks it looks at, and whether it holds for one that did not succeed. */
  readonly tasks: readonly { readonly facts: TaskFacts; readonly tolerant: boolean }[];

  constructor(term: string, tasks: OutcomeNode["tasks"]) {
    this.term = term;
    this.tasks = tasks;
  }
}

export class ConditionNode {
  readonly kind = "condition";
  readonly text: TextNode;

  constructor(text: TextNode) {
    this.text = text;
  }
}

const phases = (name: string, ...outcomes: readonly string[]) => {
  const terms = outcomes.map((outcome) => `${name}.${outcome}`);
  return terms.length === 1 ? (terms[0] ?? "") : `(${terms.join(" || ")})`;
};

/** That the task succeeded. Under `d.when(…)`, its outputs are there. */
export function succeeded<O, Here>(
  of: TaskHandle<O, Here>,
): Outcome<Here> & { readonly outputs: Handles<O, UnderWhen<Here>> } {
  const facts = of[task];
  const term = phases(facts.name, "Succeeded");
  const need: Facts["need"] = { task: facts.name, term, strength: "succeeded" };
  const outputs = taskHandles(facts.outputs, facts.name, { owner: facts.owner, need });
  return Object.assign(new OutcomeNode(term, [{ facts, tolerant: false }]), { outputs }) as never;
}

/** That the task failed: its program said so (Failed), or Argo or the node broke (Errored). */
export const failed = <Here>(of: TaskHandle<unknown, Here>): Outcome<Here> =>
  outcome(of[task], phases(of.name, "Failed", "Errored"));

/** That the task did not run, because its condition did not hold. */
export const skipped = <Here>(of: TaskHandle<unknown, Here>): Outcome<Here> =>
  outcome(of[task], phases(of.name, "Skipped", "Omitted"));

/** A task that runs once for each item. */
type LoopHandle<Here> = TaskHandle<unknown, Here> & { readonly loop: true };

/** That the task succeeded for at least one of its items. */
export const anySucceeded = <Here>(of: LoopHandle<Here>): Outcome<Here> =>
  outcome(of[task], phases(of.name, "AnySucceeded"));

/** That the task failed for each of its items. */
export const allFailed = <Here>(of: LoopHandle<Here>): Outcome<Here> =>
  outcome(of[task], phases(of.name, "AllFailed"));

/** That the task is over, however it ended. Also for `after`. */
export interface Finished<in Here> extends Outcome<Here> {
  readonly always: true;
  readonly status: Value<Phase, Here>;
}

export function finished<Here>(of: TaskHandle<unknown, Here>): Finished<Here> {
  const { name, owner } = of[task];
  const term = phases(name, "Succeeded", "Failed", "Errored", "Skipped", "Omitted");
  const status = value(`{{tasks.${name}.status}}`, {
    owner,
    need: { task: name, term, strength: "finished" },
  });
  return Object.assign(new OutcomeNode(term, [{ facts: of[task], tolerant: true }]), {
    always: true,
    status,
  }) as never;
}

const outcome = <Here>(facts: TaskFacts, term: string): Outcome<Here> =>
  new OutcomeNode(term, [{ facts, tolerant: true }]) as never;

/** That the value is this one. */
export const is = <T extends Scalar, Here>(left: Value<T, Here>, right: NoInfer<T>): Condition<Here> =>
  compare(left, "==", right);

export const isNot = <T extends Scalar, Here>(left: Value<T, Here>, right: NoInfer<T>): Condition<Here> =>
  compare(left, "!=", right);

export const above = <Here>(left: Value<number, Here>, right: number): Condition<Here> =>
  compare(left, ">", right);
export const atLeast = <Here>(left: Value<number, Here>, right: number): Condition<Here> =>
  compare(left, ">=", right);
export const below = <Here>(left: Value<number, Here>, right: number): Condition<Here> =>
  compare(left, "<", right);
export const atMost = <Here>(left: Value<number, Here>, right: number): Condition<Here> =>
  compare(left, "<=", right);

/** Argo puts the value into the text before it compares, so strings stand in quotes on both sides. */
function compare<Here>(left: unknown, operator: string, right: Scalar): Condition<Here> {
  const reference = left as Reference;
  const parts =
    typeof right === "number"
      ? [reference, ` ${operator} ${right}`]
      : ["'", reference, `' ${operator} '${String(right).replaceAll(/['\\]/g, "\\$&")}'`];
  return new ConditionNode(new TextNode(parts)) as never;
}

/** That at least one of the conditions holds: all on outcomes, or all on values. */
export function anyOf<Here>(...conditions: readonly Outcome<Here>[]): Outcome<Here>;
export function anyOf<Here>(...conditions: readonly Condition<Here>[]): Condition<Here>;
export function anyOf(...conditions: readonly unknown[]): unknown {
  return join(conditions, " || ");
}

/** That all of the conditions hold. */
export function allOf<Here>(...conditions: readonly Outcome<Here>[]): Outcome<Here>;
export function allOf<Here>(...conditions: readonly Condition<Here>[]): Condition<Here>;
export function allOf(...conditions: readonly unknown[]): unknown {
  return join(conditions, " && ");
}

function join(conditions: readonly unknown[], operator: string): OutcomeNode | ConditionNode {
  const outcomes = conditions.filter((each) => each instanceof OutcomeNode);
  if (outcomes.length === conditions.length) {
    const any = operator === " || ";
    const term = `(${outcomes.map((each) => each.term).join(operator)})`;
    return new OutcomeNode(
      term,
      outcomes.flatMap((each) => each.tasks).map((each) => (any ? { ...each, tolerant: true } : each)),
    );
  }
  const parts = conditions.flatMap((each, index) => [
    ...(index === 0 ? [] : [operator]),
    ...(each instanceof ConditionNode ? each.text.parts : []),
  ]);
  return new ConditionNode(new TextNode(["(", ...parts, ")"]));
}
