import type { IDAGTask } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/DAGTask";
import { writeArguments } from "./arguments.ts";
import { taskHandles } from "./body.ts";
import { ConditionNode, OutcomeNode, type TaskFacts, task as taskFacts } from "./condition.ts";
import { Dependencies } from "./dependencies.ts";
import type { Draft } from "./draft.ts";
import { DefinitionError } from "./error.ts";
import { checkOwner, type Need, type Owner, Reference, render, value } from "./handle.ts";
import type { Lock } from "./lock.ts";
import { applyPatch } from "./patch.ts";
import { callerSite } from "./site.ts";
import type { TaskOptions } from "./task.ts";
import { type AnyTemplate, templateReference } from "./template.ts";
import { writeHooks } from "./write-hooks.ts";

type Given = Readonly<Record<string, unknown>>;
type Options = TaskOptions<never>;

/** The fan-out that a task stands in. */
interface FanOut {
  readonly source: unknown;
  /** Which `each` it is, for its items. */
  readonly token: object;
}

/** The verbs of a DAG's body. */
export function dagBody(draft: Draft) {
  const verbs = (guards: readonly unknown[]) => ({
    task: (name: string, template: AnyTemplate, args?: Given, options?: Options) =>
      addTask(draft, { name, template, args, options, guards }),
    each: (source: unknown) => {
      const token = {};
      return {
        item: itemHandles(source, draft, token),
        task: (name: string, template: AnyTemplate, args?: Given, options?: Options) =>
          addTask(draft, { name, template, args, options, guards, fanOut: { source, token } }),
      };
    },
  });
  return {
    ...verbs([]),
    when: (...guards: readonly unknown[]) => verbs(guards),
    hold: (...locks: readonly Lock<never>[]) => void draft.locks.push(...locks),
  };
}

interface TaskParts {
  readonly name: string;
  readonly template: AnyTemplate;
  readonly args: Given | undefined;
  readonly options: Options | undefined;
  readonly guards: readonly unknown[];
  readonly fanOut?: FanOut;
}

function addTask(draft: Draft, parts: TaskParts): object {
  const { name, template, args = {}, options = {}, guards, fanOut } = parts;
  const { owner } = draft;
  if (draft.tasks.some(({ task }) => task.name === name)) {
    throw new DefinitionError(
      "ARGO_DUPLICATE_TASK",
      `The DAG "${owner.template}" has two tasks named "${name}".`,
      "Give each task a name of its own, for example with the item of the loop in it.",
    );
  }
  const dependencies = new Dependencies(owner.template, name);
  const use = (inside: object | undefined) => (reference: Reference) => {
    checkOwner(reference, owner);
    checkInside(reference, inside, owner.template, name);
    dependencies.need(reference.facts.need, guards.length > 0);
  };
  const written = writeArguments(template, args, use(fanOut?.token));
  const require = (outcome: OutcomeNode) => {
    for (const { facts } of outcome.tasks) checkTask(facts, owner, name);
    dependencies.require(outcome);
  };
  for (const earlier of [options.after ?? []].flat() as unknown[]) {
    if (earlier instanceof OutcomeNode) require(earlier);
    else {
      const facts = (earlier as { readonly [taskFacts]: TaskFacts })[taskFacts];
      checkTask(facts, owner, name);
      dependencies.need(settled(facts), guards.length > 0);
    }
  }
  const conditions = guards.flatMap((guard) => {
    if (guard instanceof OutcomeNode) require(guard);
    return guard instanceof ConditionNode ? [render(guard.text, use(fanOut?.token))] : [];
  });
  const expansion = fanOut === undefined ? {} : writeFanOut(fanOut.source, use(undefined));
  draft.uses.push(template);
  const hooks = writeHooks(draft, name, options, use);
  const depends = dependencies.expression();
  draft.tasks.push({
    site: callerSite(),
    task: applyPatch<IDAGTask>(
      {
        name,
        ...templateReference(template),
        ...(depends === undefined ? {} : { depends }),
        ...(conditions.length === 0 ? {} : { when: conditions.join(" && ") }),
        ...expansion,
        ...(written === undefined ? {} : { arguments: written }),
        ...(hooks === undefined ? {} : { hooks }),
      },
      options.patch,
    ),
  });
  const unsure = guards.length === 0 ? "no" : dependencies.byOutcome ? "by-outcome" : "by-value";
  const facts: TaskFacts = { owner, name, outputs: template.outputs, unsure };
  return {
    name,
    outputs: taskHandles(template.outputs, name, { owner, need: settled(facts) }),
    [taskFacts]: facts,
    ...(fanOut === undefined ? {} : { loop: true }),
  };
}

/** That the task succeeded, or was not wanted. A bare name does not count a task that was omitted. */
function settled({ name, unsure }: TaskFacts): Need {
  const term = unsure === "by-outcome" ? `(${name}.Succeeded || ${name}.Skipped || ${name}.Omitted)` : name;
  return { task: name, term, strength: "settled" };
}

function checkTask(earlier: TaskFacts, owner: Owner, task: string): void {
  if (earlier.owner === owner) return;
  throw new DefinitionError(
    "ARGO_FOREIGN_HANDLE",
    `The task "${task}" of "${owner.template}" waits for "${earlier.name}" of "${earlier.owner.template}".`,
    "A task waits for tasks of its own DAG; let the DAG as a whole come after what it needs.",
  );
}

function checkInside(reference: Reference, inside: object | undefined, template: string, task: string): void {
  if (reference.facts.inside === undefined || reference.facts.inside === inside) return;
  throw new DefinitionError(
    "ARGO_FOREIGN_HANDLE",
    `${reference.argo} has no value in the task "${task}" of "${template}".`,
    "An item has a value only in tasks of its own each(…), a status only in the hook that it was given to.",
  );
}

function itemHandles(source: unknown, { owner }: Draft, inside: object): unknown {
  const first: unknown = Array.isArray(source) ? source[0] : undefined;
  if (typeof first !== "object" || first === null) return value("{{item}}", { owner, inside });
  return Object.fromEntries(
    Object.keys(first).map((field) => [field, value(`{{item.${field}}}`, { owner, inside })]),
  );
}

const writeFanOut = (source: unknown, use: (reference: Reference) => void): Partial<IDAGTask> =>
  source instanceof Reference
    ? { withParam: render(source, use) }
    : { withItems: [...(source as readonly unknown[])] };
