/** A place in text where Argo puts a value, or tries to. */
export interface Tag {
  readonly kind: "reference" | "expression" | "open";
  /** What stands between the braces, trimmed. */
  readonly text: string;
}

/** Every `{{…}}` of a text, as Argo finds them. */
export function* tagsIn(text: string): Generator<Tag> {
  let from = text.indexOf("{{");
  while (from >= 0) {
    const to = text.indexOf("}}", from + 2);
    if (to < 0) {
      yield { kind: "open", text: text.slice(from, from + 20) };
      return;
    }
    const inside = text.slice(from + 2, to).trim();
    yield inside.startsWith("=")
      ? { kind: "expression", text: inside.slice(1).trim() }
      : { kind: "reference", text: inside };
    from = text.indexOf("{{", to + 2);
  }
}

/** The variables that an expression names, written as references are: `tasks['a-b'].status` as `tasks.a-b.status`. */
export function referencesIn(expression: string): readonly string[] {
  const withoutCalls = expression.replaceAll(/\?\./g, ".");
  return [
    ...withoutCalls.matchAll(/\b(?:inputs|tasks|workflow|item)(?:\.[A-Za-z_][\w]*|\[['"][^'"]+['"]\])+/g),
  ].map(([path]) => path.replaceAll(/\[['"]([^'"]+)['"]\]/g, ".$1"));
}

/** Every string of a value, with the path to it. */
export function* stringsIn(
  value: unknown,
  path = "",
): Generator<{ readonly path: string; readonly text: string }> {
  if (typeof value === "string") yield { path, text: value };
  if (typeof value !== "object" || value === null) return;
  for (const [key, each] of Object.entries(value)) {
    const name = Array.isArray(value) ? nameOf(each, key) : key;
    yield* stringsIn(each, path === "" ? name : `${path}.${name}`);
  }
}

/** Elements of lists go by their names where they have any. */
const nameOf = (element: unknown, index: string): string =>
  typeof element === "object" && element !== null && "name" in element && typeof element.name === "string"
    ? element.name
    : index;
