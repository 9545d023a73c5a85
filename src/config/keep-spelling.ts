import type { Path } from "./finding.ts";
import type { Places } from "./yaml-document.ts";

/**
 * Numbers and booleans that are passed on as text, the way the file spells them: an environment variable of `0022`
 * is not to become 22, nor an argument of `0.90` 0.9.
 */
export function keepSpelling(data: unknown, places: Places, path: Path = []): unknown {
  if (typeof data === "number" || typeof data === "boolean")
    return isText(path) ? (places.get(path)?.source ?? data) : data;
  if (Array.isArray(data)) return data.map((item, i) => keepSpelling(item, places, [...path, i]));
  if (typeof data !== "object" || data === null) return data;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, keepSpelling(value, places, [...path, key])]),
  );
}

/** Whether a value of `env` or `nodeSelector`, or a word of `args` or `command`, stands at a path. */
function isText(path: Path): boolean {
  if (path[0] === "cluster") return path.at(-2) === "nodeSelector";
  const within = path[0] === "engines" || path[1] === "overrides";
  const last = path.at(-1);
  const holder = path.at(-2);
  return within && (typeof last === "number" ? holder === "args" || holder === "command" : holder === "env");
}
