import type { TaskPhase } from "./depends.ts";
import type { Report } from "./finding.ts";
import { simulate } from "./simulate.ts";
import { referencesIn, stringsIn, tagsIn } from "./tags.ts";
import { type ManifestView, resolve, type TaskView, type TemplateView } from "./view.ts";

/** Reports outputs that are used where their task may have been skipped, or may have failed. */
export function absentOutputs(view: ManifestView, when: "skipped" | "failed", report: Report): void {
  for (const template of view.templates.values()) {
    const outcomes = [...template.tasks.values()].flatMap(({ depends }) => depends.outcomes);
    const mayBeAbsent =
      outcomes.length > 0 || [...template.tasks.values()].some(({ task }) => task.when !== undefined);
    if (!mayBeAbsent) continue;
    const worlds = possibleEnds(template);
    for (const consumer of template.tasks.values()) {
      for (const { producer, output, field, pure } of usedOutputs(consumer)) {
        const source = template.tasks.get(producer);
        if (source === undefined || !consumer.ancestors.has(producer)) continue;
        const phases = worlds
          .filter((world) => world.get(consumer.task.name) === "Succeeded")
          .map((world) => world.get(producer));
        const absent = when === "skipped" ? ["Skipped", "Omitted"] : ["Failed", "Errored"];
        if (!phases.some((phase) => phase !== undefined && absent.includes(phase))) continue;
        if (
          when === "skipped" &&
          (hasDefault(view, source, output) || (pure && inputHasDefault(view, consumer, field)))
        )
          continue;
        report(
          { template: template.name, task: consumer.task.name, field },
          `"${producer}" may have ${when === "skipped" ? "been skipped" : "failed"} when "${consumer.task.name}" uses its output "${output}".`,
        );
      }
    }
  }
}

/** How the tasks may end: all well, one skipped, one failed. */
function possibleEnds(template: TemplateView): readonly ReadonlyMap<string, TaskPhase>[] {
  return [...template.tasks.values()].flatMap(({ task }) => {
    const ends: readonly TaskPhase[] = [
      "Succeeded",
      "Failed",
      "Errored",
      ...(task.when === undefined ? [] : ["Skipped" as const]),
    ];
    return ends.flatMap((end) => simulate(template, task.name, end) ?? []);
  });
}

function usedOutputs({ task }: TaskView) {
  return [...stringsIn({ arguments: task.arguments, when: task.when, withParam: task.withParam })].flatMap(
    ({ path, text }) =>
      [...tagsIn(text)]
        .flatMap((tag) =>
          tag.kind === "reference" ? [tag.text] : tag.kind === "expression" ? referencesIn(tag.text) : [],
        )
        .flatMap((reference) => {
          const match = /^tasks\.([^.]+)\.outputs\.(?:parameters|artifacts)\.([^.]+)$/.exec(reference);
          if (match === null || text.includes("??")) return [];
          return [
            {
              producer: match[1] ?? "",
              output: match[2] ?? "",
              field: path,
              pure: text.trim() === `{{${reference}}}`,
            },
          ];
        }),
  );
}

function hasDefault(view: ManifestView, { task }: TaskView, output: string): boolean {
  const called = resolve(view, task);
  if (typeof called !== "object") return called === "elsewhere";
  return (called.outputs?.parameters ?? []).some(
    ({ name, valueFrom, value }) =>
      name === output && (value !== undefined || valueFrom?.default !== undefined),
  );
}

/** Argo takes the input's own default when an argument is nothing but an absent output. */
function inputHasDefault(view: ManifestView, { task }: TaskView, field: string): boolean {
  const called = resolve(view, task);
  const name = /^arguments\.parameters\.(.+)\.value$/.exec(field)?.[1];
  if (typeof called !== "object") return false;
  return (called.inputs?.parameters ?? []).some((each) => each.name === name && each.default !== undefined);
}
