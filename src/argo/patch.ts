/** The same object with every field optional, all the way down. */
export type Patch<T> = { readonly [Name in keyof T]?: Patched<T[Name]> };

type Patched<T> = T extends readonly (infer Element)[]
  ? readonly Patched<Element>[]
  : T extends object
    ? Patch<T>
    : T;

/**
 * The object with the patch laid over it. Objects are merged; lists whose elements have names are merged by name, new
 * names at the end; everything else is replaced.
 */
export function applyPatch<T>(target: T, patch: Patch<T> | undefined): T {
  return patch === undefined ? target : (merge(target, patch) as T);
}

function merge(target: unknown, patch: unknown): unknown {
  if (isObject(target) && isObject(patch)) {
    const merged: Record<string, unknown> = { ...target };
    for (const [name, wanted] of Object.entries(patch)) {
      if (wanted !== undefined) merged[name] = name in target ? merge(target[name], wanted) : wanted;
    }
    return merged;
  }
  if (isNamedList(target) && isNamedList(patch)) {
    const wanted = new Map(patch.map((element) => [element.name, element]));
    const kept = target.map((element) => {
      const change = wanted.get(element.name);
      return change === undefined ? element : merge(element, change);
    });
    const known = new Set(target.map(({ name }) => name));
    return [...kept, ...patch.filter(({ name }) => !known.has(name))];
  }
  return patch;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isNamedList = (value: unknown): value is readonly { readonly name: unknown }[] =>
  Array.isArray(value) && value.every((element) => isObject(element) && typeof element["name"] === "string");
