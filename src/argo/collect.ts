import { DefinitionError } from "./error.ts";
import { type AnyTemplate, node } from "./template.ts";

/** Every template that these run, each once, in the order in which they are met. */
export function collect(roots: readonly AnyTemplate[]): readonly AnyTemplate[] {
  const found = new Map<string, AnyTemplate>();
  const visit = (template: AnyTemplate): void => {
    if (template.elsewhere !== undefined) return;
    const known = found.get(template.name);
    if (known === undefined) {
      found.set(template.name, template);
      for (const used of template[node].uses) visit(used);
      return;
    }
    if (known === template || isSame(known, template)) return;
    const sites = [known, template]
      .map((each) => each[node].site.line())
      .filter((line) => line !== undefined);
    throw new DefinitionError(
      "ARGO_DUPLICATE_TEMPLATE",
      `Two templates are named "${template.name}"${sites.length === 0 ? "" : `: ${sites.join(" and ")}`}.`,
      "Give each template a name of its own.",
    );
  };
  for (const root of roots) visit(root);
  return [...found.values()];
}

/** A function that makes a template may make the same one twice. */
const isSame = (one: AnyTemplate, other: AnyTemplate): boolean =>
  JSON.stringify(one[node].manifest) === JSON.stringify(other[node].manifest);
