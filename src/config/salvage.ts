import type { Path } from "./finding.ts";
import { Config } from "./schema.ts";

/**
 * What is left of a config when everything that its schema rejects is taken out, so that the rest can be checked
 * in the same go. Undefined when nothing useful is left.
 */
export function salvageConfig(data: unknown): Config | undefined {
  const rest = structuredClone(data);
  // Taking something out may leave a required key missing one level up, so the turns climb: no config is deeper.
  for (let turn = 0; turn < 12; turn++) {
    const result = Config.safeParse(rest);
    if (result.success) return result.data;
    const removals = result.error.issues.flatMap((issue) => {
      const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
      const paths = issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...path, key]) : [path];
      return paths.map((wrong) => removable(rest, wrong));
    });
    for (const removal of removals) {
      if (removal === undefined) return undefined;
      delete removal.holder[removal.key];
    }
  }
  return undefined;
}

/** The key at a path, or the nearest above it that is there. Never an item of a list: indices stay true. */
function removable(data: unknown, path: Path): { holder: Record<string, unknown>; key: string } | undefined {
  let found: { holder: Record<string, unknown>; key: string } | undefined;
  let value: unknown = data;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) break;
    const holder = value as Record<string | number, unknown>;
    if (typeof key === "string") found = { holder, key };
    value = holder[key];
  }
  return found;
}
