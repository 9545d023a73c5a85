import { stringify } from "yaml";
import { DURATION_PATTERN } from "./duration.ts";
import { NAME_PATTERN } from "./fields.ts";
import { branches, type JsonSchema, schemaAt } from "./json-schema.ts";

/** The mappings of a config that have a table of their own, by the name their markers in the documentation carry. */
const SECTIONS: Readonly<Record<string, readonly (string | number)[]>> = {
  top: [],
  engine: ["engines", "*"],
  settings: ["engines", "*", "settings"],
  process: ["engines", "*", "process"],
  simulated: ["engines", "*", "simulated"],
  resources: ["engines", "*", "resources"],
  user: ["engines", "*", "user"],
  model: ["models", "*"],
  hubSource: ["models", "*", "hub"],
  cells: ["cells"],
  override: ["cells", "overrides", 0],
  load: ["load"],
  block: ["load", "blocks", 0],
  findCapacity: ["load", "blocks", 0, "findCapacity"],
  slos: ["slos"],
  prices: ["prices"],
  cluster: ["cluster"],
  pool: ["cluster", "pools", "*"],
  toleration: ["cluster", "pools", "*", "tolerations", 0],
  storage: ["cluster", "storage"],
  share: ["cluster", "storage", "models"],
  ociFss: ["cluster", "storage", "models", "ociFss"],
  steps: ["cluster", "steps"],
  client: ["cluster", "steps", "client"],
  secret: ["cluster", "secrets", "*"],
  hub: ["cluster", "hub"],
  keep: ["cluster", "keep"],
  artifacts: ["cluster", "artifacts"],
  profiling: ["profiling"],
  nsys: ["profiling", "nsys"],
  schedule: ["schedule"],
  ab: ["ab"],
};

/** Sections whose keys are explained elsewhere: their tables give what is theirs alone. */
const SAID_ELSEWHERE: Readonly<Record<string, readonly string[]>> = { override: ["engine", "model", "pool"] };

/**
 * A page with its key tables made anew: what stands between `<!-- keys: NAME -->` and `<!-- end -->` is replaced by
 * the table of that section. Throws RangeError on a name that is none and on a section that the page leaves out.
 */
export function insertKeyTables(page: string): string {
  const missing = new Set(Object.keys(SECTIONS));
  const filled = page.replaceAll(
    /(<!-- keys: (\S+) -->\n)[^]*?(<!-- end -->)/g,
    (_, begin: string, name: string, end: string) => {
      missing.delete(name);
      return `${begin}${keyTable(name)}${end}`;
    },
  );
  if (missing.size > 0) throw new RangeError(`no place for the keys of ${[...missing].join(", ")}`);
  return filled;
}

function keyTable(section: string): string {
  const path = SECTIONS[section];
  const schema = path && schemaAt(path);
  if (schema === undefined) throw new RangeError(`no section ${section}`);
  const only = SAID_ELSEWHERE[section];
  const rows = branches(schema).flatMap((branch) =>
    Object.entries(branch.properties ?? {})
      .filter(([key]) => only === undefined || only.includes(key))
      .map(([key, below]) => keyRow(key, below, branch.required?.includes(key) ?? false)),
  );
  return alignTable([["key", "value", "default", "meaning"], ...rows]);
}

/** A Markdown table whose columns line up, as formatters want it. */
function alignTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |\n`;
  return [head, widths.map((width) => "-".repeat(width)), ...rows].map((row) => line(row)).join("");
}

function keyRow(key: string, schema: JsonSchema, required: boolean): string[] {
  const examples = (schema.examples ?? []).map((example) => `\`${inline(example)}\``);
  const meaning = `${schema.description ?? ""}${examples.length > 0 ? ` E.g. ${examples.join(", ")}` : ""}`;
  const cells = [`\`${key}\``, describeType(schema), describeDefault(schema, required), meaning];
  return cells.map((cell) => cell.replaceAll("|", "\\|"));
}

function describeDefault(schema: JsonSchema, required: boolean): string {
  if (required) return "required";
  if (schema.defaultWords !== undefined) return schema.defaultWords;
  return schema.default === undefined ? "–" : `\`${inline(schema.default)}\``;
}

/** As one would write it in a config, on one line. */
function inline(value: unknown): string {
  return stringify(value, { collectionStyle: "flow", lineWidth: 0, flowCollectionPadding: false }).trim();
}

function describeType(schema: JsonSchema): string {
  const words = branches(schema)
    .filter(({ type }) => type !== "null")
    .map((branch) => describeBranch(branch));
  const many = words.findIndex((word, i) => word === `list of ${words[i - 1]}`);
  if (many !== -1) words[many] = "a list of them";
  return [...new Set(words)].join(" or ");
}

function describeBranch(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (Array.isArray(schema.type))
    return schema.type.map((type: string) => describeBranch({ type })).join(" or ");
  switch (schema.type) {
    case "string":
      if (schema.pattern === DURATION_PATTERN.source) return "duration";
      return schema.pattern === NAME_PATTERN.source ? "name" : "text";
    case "integer":
    case "number": {
      const noun = schema.type === "integer" ? "whole number" : "number";
      if (schema.minimum === undefined) return noun;
      return schema.maximum === undefined
        ? `${noun} ≥ ${schema.minimum}`
        : `${noun}, ${schema.minimum} to ${schema.maximum}`;
    }
    case "boolean":
      return "`true`, `false`";
    case "array": {
      const item = describeType(schema.items ?? {});
      return item === "mapping"
        ? "list of mappings"
        : `list of ${item.includes(" or ") ? `(${item})` : item}`;
    }
    case "object":
      return "mapping";
    default:
      return "anything";
  }
}
