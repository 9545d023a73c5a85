import type { TaskPhase } from "./depends.ts";
import type { TemplateView } from "./view.ts";

/**
 * What becomes of a DAG's tasks when one of them ends in this way and every other that runs succeeds. `when` is taken to
 * hold. Undefined where the tasks cannot be put in order.
 */
export function simulate(
  { tasks }: TemplateView,
  task: string,
  phase: TaskPhase,
): ReadonlyMap<string, TaskPhase> | undefined {
  if ([...tasks].some(([name, { ancestors }]) => ancestors.has(name))) return undefined;
  const phases = new Map<string, TaskPhase>();
  let broken = false;
  const phaseOf = (name: string): TaskPhase => {
    const known = phases.get(name);
    if (known !== undefined) return known;
    const view = tasks.get(name);
    if (view === undefined) {
      broken = true;
      return "Omitted";
    }
    const runs = view.depends.holds(phaseOf);
    if (runs === undefined) broken = true;
    const result = runs === true ? (name === task ? phase : "Succeeded") : "Omitted";
    phases.set(name, result);
    return result;
  };
  // The task in question ended as said, whatever it depends on.
  phases.set(task, phase);
  for (const name of tasks.keys()) phaseOf(name);
  return broken ? undefined : phases;
}

/** Tasks that no other comes after: the DAG ends as they do. */
export function leaves({ tasks }: TemplateView): ReadonlySet<string> {
  const earlier = new Set([...tasks.values()].flatMap(({ depends }) => [...depends.tasks]));
  return new Set([...tasks.keys()].filter((name) => !earlier.has(name)));
}
