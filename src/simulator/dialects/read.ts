import { promptPieces } from "../words.ts";
import type { Api, Generation, Prompt, Refusal, ServerFacts } from "./dialect.ts";

/** A request body, as far as it is known to be an object. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * How one server reads a request: what it takes, what it refuses and in which words. A refusal that is undefined or
 * returns undefined means that the server takes it.
 */
export interface ReadingRules {
  readonly malformed: (api: Api, text: string) => Refusal;
  readonly missing: (api: Api, field: "messages" | "prompt" | "model", fields: Fields) => Refusal | undefined;
  readonly wrongType: (api: Api, field: string, value: unknown, text: string) => Refusal;
  /** Fields it knows, where it refuses others. */
  readonly known?: (api: Api) => ReadonlySet<string>;
  readonly unknown?: (fields: readonly [string, unknown][]) => Refusal;
  readonly wrongModel?: (name: string, facts: ServerFacts) => Refusal;
  readonly negativeTemperature?: (value: number) => Refusal;
  /** max_tokens 0: a refusal, or what it is taken for. */
  readonly zeroTokens: (api: Api) => Refusal | number | undefined;
  readonly emptyPrompt?: (api: Api) => Refusal | undefined;
  readonly tokenIds: boolean | ((text: string, ids: readonly number[]) => Refusal);
  readonly batch: boolean | ((text: string) => Refusal);
  /** The prompt alone, or with what it asks for, does not fit: a refusal; undefined: it is cut or runs on. */
  readonly tooLong?: (
    input: number,
    output: number | undefined,
    facts: ServerFacts,
    api: Api,
  ) => Refusal | undefined;
  /** Field of the chat API next to max_tokens. */
  readonly maxCompletionTokens: boolean;
  readonly defaultMaxTokens: (api: Api, input: number, facts: ServerFacts) => number;
  /** Longest answer, whatever was asked for. */
  readonly capMaxTokens?: (input: number, facts: ServerFacts) => number;
  readonly ignoreEos: boolean | "nvext";
  readonly minTokens: boolean;
  readonly choices: boolean;
  readonly continuousUsage: boolean;
  readonly model: (asked: string | undefined, api: Api, facts: ServerFacts) => string;
}

/** Tokens that the chat template adds to a conversation. */
const templateTokens = 30;

/** Reads a generation request by `rules`. */
export function readGeneration(
  api: Api,
  body: Buffer,
  facts: ServerFacts,
  rules: ReadingRules,
): Generation | Refusal {
  const text = body.toString("utf8");
  const fields = parseObject(text);
  if (fields === undefined) return rules.malformed(api, text);
  const read = readFields(api, fields, text, facts, rules);
  return "answer" in read ? { ...read, streamed: fields["stream"] === true } : read;
}

function readFields(
  api: Api,
  fields: Fields,
  text: string,
  facts: ServerFacts,
  rules: ReadingRules,
): Generation | Refusal {
  const required = api === "chat" ? "messages" : "prompt";
  for (const field of [required, "model"] as const) {
    const refusal = fields[field] === undefined ? rules.missing(api, field, fields) : undefined;
    if (refusal !== undefined) return refusal;
  }
  const maxField =
    rules.maxCompletionTokens && api === "chat" && fields["max_completion_tokens"] !== undefined;
  const asked = fields[maxField ? "max_completion_tokens" : "max_tokens"] ?? undefined;
  if (asked !== undefined && typeof asked !== "number") {
    return rules.wrongType(api, maxField ? "max_completion_tokens" : "max_tokens", asked, text);
  }
  if (rules.known !== undefined && rules.unknown !== undefined) {
    const known = rules.known(api);
    const unknown = Object.entries(fields).filter(([name]) => !known.has(name));
    if (unknown.length > 0) return rules.unknown(unknown);
  }
  const model = typeof fields["model"] === "string" ? fields["model"] : undefined;
  if (rules.wrongModel !== undefined && model !== undefined && model !== facts.model) {
    return rules.wrongModel(model, facts);
  }
  const temperature = fields["temperature"];
  if (rules.negativeTemperature !== undefined && typeof temperature === "number" && temperature < 0) {
    return rules.negativeTemperature(temperature);
  }
  const zero = asked === 0 ? rules.zeroTokens(api) : undefined;
  if (typeof zero === "object") return zero;

  const prompts =
    api === "chat" ? [chatPrompt(fields["messages"])] : readPrompts(fields["prompt"], text, rules);
  if (!Array.isArray(prompts)) return prompts;
  if (api === "completions" && prompts.some(({ pieces }) => pieces.length === 0)) {
    const refusal = rules.emptyPrompt?.(api);
    if (refusal !== undefined) return refusal;
  }
  const input = Math.max(...prompts.map(({ pieces }) => pieces.length));
  const wanted = asked === 0 ? zero : asked;
  const tooLong = rules.tooLong?.(input, wanted, facts, api);
  if (tooLong !== undefined) return tooLong;
  const cap = rules.capMaxTokens?.(input, facts) ?? Infinity;

  const options = toFields(fields["stream_options"]);
  const nvext = toFields(fields["nvext"]);
  const forcing = rules.ignoreEos === "nvext" ? nvext : rules.ignoreEos ? fields : {};
  return {
    api,
    model: rules.model(model, api, facts),
    stream: fields["stream"] === true,
    includeUsage: options["include_usage"] === true,
    continuousUsage: rules.continuousUsage && options["continuous_usage_stats"] === true,
    usageHidden: false,
    prompts,
    choicesPerPrompt: rules.choices && typeof fields["n"] === "number" ? Math.max(1, fields["n"]) : 1,
    maxTokens: Math.max(0, Math.min(wanted ?? rules.defaultMaxTokens(api, input, facts), cap)),
    minTokens: rules.minTokens && typeof fields["min_tokens"] === "number" ? fields["min_tokens"] : 0,
    ignoreEnd: forcing["ignore_eos"] === true,
    stops: readStops(fields["stop"]),
    logprobs:
      fields["logprobs"] === true || (api === "completions" && typeof fields["logprobs"] === "number"),
    returnTokenIds: fields["return_token_ids"] === true,
    cachePrompt: fields["cache_prompt"] !== false,
    characters: prompts.reduce((sum, { text: prompt }) => sum + prompt.length, 0),
  };
}

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Fields)
      : undefined;
  } catch {
    return undefined;
  }
}

function toFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function readStops(value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter((stop): stop is string => typeof stop === "string" && stop !== "");
}

/** The last few prompts: a benchmark sends the same one often, and counting its tokens is the costliest part. */
const prompts = new Map<string, Prompt>();

function toPrompt(key: string, make: () => string[]): Prompt {
  const known = prompts.get(key);
  if (known !== undefined) return known;
  const prompt = { text: key, pieces: make() };
  if (prompts.size >= 64) prompts.delete(prompts.keys().next().value ?? "");
  prompts.set(key, prompt);
  return prompt;
}

function chatPrompt(messages: unknown): Prompt {
  const parts = (Array.isArray(messages) ? messages : []).map((message: unknown) => {
    const { role, content } = toFields(message);
    return { role: String(role), content: typeof content === "string" ? content : JSON.stringify(content) };
  });
  const text = parts.map(({ role, content }) => `<|${role}|>${content}`).join("");
  return toPrompt(text, () => {
    const template = Array.from({ length: templateTokens }, (_, i) => `<template ${i}>`);
    return [...template, ...parts.flatMap(({ content }) => promptPieces(content ?? ""))];
  });
}

function readPrompts(prompt: unknown, text: string, rules: ReadingRules): Prompt[] | Refusal {
  if (!Array.isArray(prompt)) return [toPrompt(String(prompt), () => promptPieces(String(prompt)))];
  if (prompt.every((entry) => typeof entry === "number")) {
    if (typeof rules.tokenIds === "function") return rules.tokenIds(text, prompt);
    return [toPrompt(prompt.join(" "), () => prompt.map(String))];
  }
  if (typeof rules.batch === "function") return rules.batch(text);
  return prompt.map((entry) => toPrompt(String(entry), () => promptPieces(String(entry))));
}
