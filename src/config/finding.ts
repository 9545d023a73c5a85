import { isSecretName } from "./secrets.ts";

export type Path = readonly (string | number)[];

/** One thing that is wrong with a config: plain data, worded here and placed by source-map.ts. */
export interface Finding {
  readonly path: Path;
  /** Whether the key or the value at the path is to be pointed at. */
  readonly at: "key" | "value";
  readonly text: string;
  /** Offsets in the file, where the path alone does not say (syntax errors). */
  readonly range?: readonly [number, number];
}

export const onKey = (path: Path, text: string): Finding => ({ path, at: "key", text });
export const onValue = (path: Path, text: string): Finding => ({ path, at: "value", text });

/** `load.blocks[0].name`, `models["Mistral-7B-v0.3"].path`; empty for the file itself. */
export function formatPath(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** Whether one path lies on the way to the other. */
export function related(a: Path, b: Path): boolean {
  const shared = Math.min(a.length, b.length);
  return a.slice(0, shared).every((part, i) => part === b[i]);
}

/** What stands in the file, short enough for a message. `source` is how the file spells it. */
export function describeValue(value: unknown, path: Path, source?: string): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a mapping";
  if (underSecret(path)) return "a value that is not shown";
  return typeof value === "string"
    ? JSON.stringify(shorten(value))
    : shorten(source ?? JSON.stringify(value));
}

function underSecret(path: Path): boolean {
  return path.some((part, i) => path[i - 1] === "env" && typeof part === "string" && isSecretName(part));
}

function shorten(text: string): string {
  const limit = 60;
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}
