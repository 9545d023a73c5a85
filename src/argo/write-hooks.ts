import type { IDAGTask } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/DAGTask";
import type { ILifecycleHook } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/LifecycleHook";
import { writeArguments } from "./arguments.ts";
import type { Draft } from "./draft.ts";
import { type Use, value } from "./handle.ts";
import type { TaskOptions } from "./task.ts";
import { type AnyTemplate, templateReference } from "./template.ts";

/**
 * The hooks of a task. What a hook is given must be there when the task ends, so the task comes after it: `useInside`
 * notes that, as it does for the task's own arguments.
 */
export function writeHooks(
  draft: Draft,
  task: string,
  options: TaskOptions<never>,
  useInside: (inside: object) => Use,
): IDAGTask["hooks"] {
  const hooks: Record<string, ILifecycleHook> = {};

  /** What a hook's body has at hand; running a template writes the hook. */
  const hook = (name: string, expression?: string) => {
    const inside = {};
    const need = { task, term: "", strength: "own" } as const;
    return {
      status: value(`{{tasks.${task}.status}}`, { owner: draft.owner, inside, need }),
      run: (template: AnyTemplate, args: Readonly<Record<string, unknown>> = {}) => {
        const given = writeArguments(template, args, useInside(inside));
        draft.uses.push(template);
        hooks[name] = {
          ...templateReference(template),
          ...(given === undefined ? {} : { arguments: given }),
          ...(expression === undefined ? {} : { expression }),
        };
        return { ran: true };
      },
    };
  };

  options.onExit?.(hook("exit") as never);
  for (const [name, write] of Object.entries(options.on ?? {})) {
    write({ when: (status: string) => hook(name, `tasks["${task}"].status == "${status}"`) } as never);
  }
  return Object.keys(hooks).length === 0 ? undefined : hooks;
}
