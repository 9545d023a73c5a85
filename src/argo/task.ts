import type { IDAGTask } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/DAGTask";
import type { Rest } from "./arguments.ts";
import type { Condition, Finished, Outcome, Phase, TaskHandle } from "./condition.ts";
import type { GatheredHandles, Handles, Inputs, Outputs, UnsureHandles } from "./declare.ts";
import type { Value } from "./handle.ts";
import type { Lock } from "./lock.ts";
import type { Patch } from "./patch.ts";
import type { Absent, InHook, Remedy, Scalar, UnderEach, UnderWhen } from "./place.ts";
import type { Ran } from "./pod.ts";
import type { Template } from "./template.ts";

/** A task that runs whenever what it comes after has succeeded. */
export interface Task<O, Here> extends TaskHandle<O, Here> {
  readonly outputs: Handles<O, Here>;
}

/** A task under a condition: it may be skipped, and then has only those outputs that have defaults. */
export interface UnsureTask<O, Here> extends TaskHandle<O, Here> {
  readonly outputs: UnsureHandles<O, Here>;
}

/** A task that runs once for each item; each output is the list of what the items gave. */
interface GatheredTask<O, Here, Missing = never> extends TaskHandle<O, Here> {
  readonly loop: true;
  readonly outputs: GatheredHandles<O, Here, Missing>;
}

/** A task: once it has succeeded, or was skipped. `finished(task)`: however it ended. */
type After<Here> = TaskHandle<unknown, Here> | Finished<Here>;

interface FanOutOptions<Here> {
  /** What must come before, where no argument says so. */
  readonly after?: After<Here> | readonly After<Here>[];
  /** Any other field of Argo's task. Merged over what is written. */
  readonly patch?: Patch<IDAGTask>;
}

export interface TaskOptions<Here> extends FanOutOptions<Here> {
  /** Runs when the task is over, however it ended, also when the workflow is stopped (not when it is terminated). */
  readonly onExit?: (ended: Hook<Here>) => Ran;
  /** Runs once when the task reaches the status, under a name of your own. */
  readonly on?: Readonly<Record<string, (task: StatusHook<Here>) => Ran>>;
}

/** The end of a task, for what runs then. */
export interface Hook<Here> {
  readonly status: Value<Phase, InHook<Here>>;
  run<I extends Inputs, O extends Outputs>(
    template: Template<I, O>,
    ...args: Rest<I, InHook<Here>, undefined>
  ): Ran;
}

interface StatusHook<Here> {
  when(status: "Pending" | "Running" | "Succeeded" | "Failed" | "Error"): Hook<Here>;
}

/** What a DAG's body has at hand. Tasks can only use handles of tasks made before them, so there are no cycles. */
export interface DagBody<I, Here> {
  readonly inputs: Handles<I, Here>;
  /** A task. It comes after every task whose outputs it is given. */
  task<TI extends Inputs, TO extends Outputs>(
    name: string,
    template: Template<TI, TO>,
    ...rest: Rest<TI, Here, TaskOptions<Here>>
  ): Task<TO, Here>;
  /** Tasks that run only if all conditions hold. */
  when(...conditions: readonly [Guard<Here>, ...(readonly Guard<Here>[])]): WhenBody<Here>;
  /** Tasks that run once for each item. Prefer a loop in TypeScript where the items are known. */
  each<const T extends Item>(items: readonly [T, ...(readonly T[])]): EachBody<T, Here, Here>;
  each<T extends Scalar>(items: Value<readonly T[], Here>): EachBody<T, Here, Here, Absent<Remedy>>;
  /** Locks that the whole template holds while it runs, not its exit hooks. */
  hold(...locks: readonly Lock<Here>[]): void;
}

type Guard<Here> = Condition<Here> | Outcome<Here>;

export interface WhenBody<Here> {
  task<TI extends Inputs, TO extends Outputs>(
    name: string,
    template: Template<TI, TO>,
    ...rest: Rest<TI, UnderWhen<Here>, TaskOptions<Here>>
  ): UnsureTask<TO, Here>;
  each<const T extends Item>(
    items: readonly [T, ...(readonly T[])],
  ): EachBody<T, UnderWhen<Here>, Here, Absent<Remedy>>;
}

type Item = Scalar | Readonly<Record<string, Scalar>>;

type ItemHandles<T, Here> = T extends Scalar
  ? Value<T, Here>
  : { readonly [Name in keyof T]: Value<T[Name], Here> };

interface EachBody<T, Place, Here, Missing = never> {
  /** The item, or its fields. */
  readonly item: [T] extends [Scalar] ? Value<T, UnderEach<Place>> : ItemHandles<T, UnderEach<Place>>;
  task<TI extends Inputs, TO extends Outputs>(
    name: string,
    template: Template<TI, TO>,
    ...rest: Rest<TI, UnderEach<Place>, FanOutOptions<Here>>
  ): GatheredTask<TO, Here, Missing>;
}
