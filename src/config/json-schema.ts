import { z } from "zod";
import { Config } from "./schema.ts";

/** The part of JSON Schema that zod makes of a config. */
export interface JsonSchema {
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  /** Ours, for the documentation: see `About` in fields.ts. */
  readonly defaultWords?: string;
  readonly examples?: readonly unknown[];
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** JSON Schema (draft 7, which editors know best) of a config file; checked in as schemas/config.schema.json. */
export function configJsonSchema(): Record<string, unknown> {
  return convert((schema) => delete schema["defaultWords"]);
}

/** The same with the defaults that are words, for explanations and the reference. */
function describedSchema(): JsonSchema {
  described ??= convert(() => undefined);
  return described;
}
let described: JsonSchema | undefined;

function convert(adjust: (schema: Record<string, unknown>) => unknown): Record<string, unknown> {
  const schema = z.toJSONSchema(Config, {
    target: "draft-07",
    io: "input",
    reused: "inline",
    override: ({ jsonSchema }) => {
      // zod states the bounds of a double's whole numbers; they say nothing to a reader.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      adjust(jsonSchema);
    },
  });
  const { $schema, ...rest } = schema;
  return { $schema, title: "llm-inference-benchmark config", ...rest };
}

/** The schema of what stands at a path, going down by key and index. */
export function schemaAt(
  path: readonly (string | number)[],
  from: JsonSchema = describedSchema(),
): JsonSchema | undefined {
  const [part, ...rest] = path;
  if (part === undefined) return from;
  for (const branch of branches(from)) {
    const below =
      typeof part === "number"
        ? branch.items
        : (branch.properties?.[part] ??
          (typeof branch.additionalProperties === "object" ? branch.additionalProperties : undefined));
    const found = below && schemaAt(rest, below);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A schema's alternatives, nested ones flattened; the schema itself where it has none. */
export function branches(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf?.flatMap((branch) => branches(branch)) ?? [schema];
}

/** Keys that may stand in the mapping at a path; empty where the user chooses them. */
export function keysAt(path: readonly (string | number)[]): readonly string[] {
  const schema = schemaAt(path);
  return schema === undefined
    ? []
    : branches(schema).flatMap((branch) => Object.keys(branch.properties ?? {}));
}

/** Every place where a key of this name may stand, as a pattern: `load.blocks[]`, `engines.*.settings`. */
export function placesOfKey(key: string): readonly string[] {
  const found: string[] = [];
  const visit = (schema: JsonSchema, at: string): void => {
    for (const branch of branches(schema)) {
      for (const [name, below] of Object.entries(branch.properties ?? {})) {
        if (name === key) found.push(at);
        visit(below, at === "" ? name : `${at}.${name}`);
      }
      if (typeof branch.additionalProperties === "object") visit(branch.additionalProperties, `${at}.*`);
      if (branch.items !== undefined) visit(branch.items, `${at}[]`);
    }
  };
  visit(describedSchema(), "");
  return found;
}
