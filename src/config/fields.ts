import { z } from "zod";
import { CACHE_PATTERN } from "../load/cache-contract.ts";
import { LABEL_PATTERN, SUBDOMAIN_PATTERN } from "../servers/kubernetes-names.ts";
import { DURATION_PATTERN } from "./duration.ts";

/**
 * The kinds of value a config knows. Each says in its own words what it expects; explain-issues.ts adds where,
 * what was found and what may have been meant.
 */
const expecting = (what: string) => ({ error: () => `expected ${what}` });

/** Good in file names, ids and Kubernetes alike. */
export const NAME_PATTERN = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,48}[A-Za-z0-9])?$/;
const ENV_PATTERN = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const text = (what = "text") =>
  z.string(expecting(what)).min(1, expecting(`${what} that is not empty`));

export const name = () => {
  const rule = expecting("a name (letters and digits, between them also . _ -, at most 50)");
  return z.string(rule).regex(NAME_PATTERN, rule);
};

export const stepName = () => {
  const rule = expecting("the name of a step (lower-case letters, digits and -)");
  return z.string(rule).regex(/^[a-z][a-z0-9-]*$/, rule);
};

export const version = () => {
  const rule = expecting('a version in quotes, such as "0.6.4"');
  return z.string(rule).regex(/^v?\d+(?:\.\d+)*(?:[.+-]?[A-Za-z][A-Za-z0-9.+-]*)?$/, rule);
};

export const envName = () => {
  const rule = expecting("the name of an environment variable");
  return z.string(rule).regex(ENV_PATTERN, rule);
};

const matching = (pattern: RegExp, what: string) => {
  const rule = expecting(what);
  return z.string(rule).regex(pattern, rule);
};

/** Name of a namespace. */
export const labelName = () =>
  matching(LABEL_PATTERN, "a name of Kubernetes (lower-case letters, digits and -, at most 63)");

/** Name of a Secret, a claim, a runtime class. */
export const objectName = () =>
  matching(SUBDOMAIN_PATTERN, "a name of Kubernetes (lower-case letters, digits, - and .)");

/** Path below a share, which it cannot leave. */
export const belowShare = () =>
  matching(/^(?!\/)(?!(?:.*\/)?\.{1,2}(?:\/|$))[^\s].*$/, 'a path below the share, such as "models/llama"');

/** A model's name on a hub. */
export const repositoryName = () =>
  matching(
    /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)?$/,
    "a model's name on the hub, such as mistralai/Mistral-7B-Instruct-v0.3",
  );

export const absolutePath = () => matching(/^\/.*$/, "a path from the root, /…");

/** Kubernetes' quantities of memory and disk; without a unit they would be bytes, which nobody means. */
export const size = () => matching(/^(?=.*[1-9])\d+(?:\.\d+)?(?:[KMGTP]i|[kMGTP])$/, 'a size such as "16Gi"');

export const cores = () => {
  const what = 'a number of CPUs such as 4, 0.5 or "500m"';
  return z.union([number(0.001, 100_000), matching(/^(?=.*[1-9])\d+(?:\.\d+)?m?$/, what)], expecting(what));
};

/** A whole number. */
export const count = (min: number, max?: number) => {
  const rule = expecting(
    max === undefined ? `a whole number, ${min} or more` : `a whole number from ${min} to ${max}`,
  );
  const schema = z.number(rule).int(rule).min(min, rule);
  return max === undefined ? schema : schema.max(max, rule);
};

export const number = (min: number, max: number) => {
  const rule = expecting(`a number from ${min} to ${max}`);
  return z.number(rule).min(min, rule).max(max, rule);
};

export const duration = () => {
  const rule = expecting('a duration such as "500ms", "30s" or "5m"');
  return z.string(rule).regex(DURATION_PATTERN, rule);
};

/** What the server's prefix cache may hold. */
export const cache = () =>
  matching(CACHE_PATTERN, "warm, cold, shared-prefix:TOKENS or shared-prefix:SHARE (between 0 and 1)");

export const choice = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, expecting(values.length === 1 ? values[0] : `one of ${values.join(", ")}`));

export const flag = () => z.boolean(expecting("true or false"));

/** One value, or a list to go through. */
export const oneOrMany = <T extends z.ZodType>(one: T, what: string) =>
  z.union([one, z.array(one, expecting(what)).min(1, expecting(what))], expecting(what));

/** Words of a command: a list, or one line that is split as a shell would. */
export const words = () => {
  const what = "one line of text, or a list of words";
  const word = z.union([z.string(), z.number()], expecting("a word: text or a number"));
  return z.union([text(what), z.array(word, expecting(what))], expecting(what));
};

/** A mapping with these keys and no others. */
export const section = <S extends z.ZodRawShape>(shape: S, what = "a mapping") =>
  z.strictObject(shape, expecting(what));

/** A mapping whose keys the user chooses. */
export const named = <K extends z.ZodType<string, string>, V extends z.ZodType>(
  key: K,
  value: V,
  what: string,
) => z.record(key, value, expecting(what));

export const list = <T extends z.ZodType>(item: T, what: string) => z.array(item, expecting(what));

export interface About {
  readonly description: string;
  /** What happens without it; a value that the resolver uses. */
  readonly default?: unknown;
  /** The same in words, where it is no single value. For the documentation only. */
  readonly defaultWords?: string;
  readonly examples?: readonly unknown[];
  /** A further condition in JSON Schema's own terms, for editors. */
  readonly not?: object;
}

/** In JSON Schema's terms: a mapping with both keys. */
export const together = (...keys: readonly [string, string]) => ({ type: "object", required: keys });

/** A key that may be left out. */
export const optional = <T extends z.ZodType>(schema: T, about: About) =>
  schema.optional().meta({ ...about });

/** As `optional`, and its key may stand there with nothing under it: what commenting out all lines leaves. */
export const optionalSection = <T extends z.ZodType>(schema: T, about: About) =>
  schema.nullish().meta({ ...about });

export const required = <T extends z.ZodType>(schema: T, about: About) => schema.meta({ ...about });
