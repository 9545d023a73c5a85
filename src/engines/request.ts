import { LlmbenchError } from "../error.ts";
import type { GenerationRequest, RequestDialect } from "./spec.ts";

export interface BuiltRequest {
  readonly path: "/v1/chat/completions" | "/v1/completions";
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * One request as this server wants it. Only fields of the dialect's allow-list are sent; `extraBody` is merged last,
 * object into object, so that what a person wrote wins.
 * Throws REQUEST_PROMPT_FORM when chat messages are to go to /v1/completions.
 */
export function buildRequest(dialect: RequestDialect, request: GenerationRequest): BuiltRequest {
  const body = {
    model: dialect.model === "served-name" ? request.servedName : dialect.model.fixed,
    ...promptField(request),
    [dialect.maxTokensField[request.api]]: request.maxTokens,
    temperature: request.temperature,
    ...(request.seed !== undefined && dialect.seed ? { seed: request.seed } : {}),
    ...lengthFields(dialect, request),
    ...streamFields(dialect, request),
  };
  return {
    path: request.api === "chat" ? "/v1/chat/completions" : "/v1/completions",
    body: merge(body, request.extraBody),
  };
}

function promptField({ api, prompt }: GenerationRequest): Record<string, unknown> {
  if (api === "chat") {
    return { messages: typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt };
  }
  if (typeof prompt !== "string") {
    throw new LlmbenchError("REQUEST_PROMPT_FORM", "Chat messages cannot be sent to /v1/completions.", {
      hint: "Use the chat API (`api: chat`, `--api chat`), or a data set of plain prompts.",
    });
  }
  return { prompt };
}

function lengthFields(dialect: RequestDialect, request: GenerationRequest): Record<string, unknown> {
  if (!request.forceOutputLength || dialect.ignoreEos === null) return {};
  const forced = {
    ignore_eos: true,
    ...(dialect.minTokens ? { min_tokens: request.maxTokens } : {}),
  };
  return dialect.ignoreEos === "nvext" ? { nvext: forced } : forced;
}

function streamFields(dialect: RequestDialect, request: GenerationRequest): Record<string, unknown> {
  if (!request.stream) return {};
  const { includeUsage, continuousUsage } = dialect.streamOptions;
  if (!includeUsage) return { stream: true };
  const continuous = continuousUsage && request.continuousUsage === true;
  return {
    stream: true,
    stream_options: { include_usage: true, ...(continuous ? { continuous_usage_stats: true } : {}) },
  };
}

function merge(
  base: Readonly<Record<string, unknown>>,
  extra: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(extra)) {
    const before = merged[key];
    merged[key] = isObject(before) && isObject(value) ? merge(before, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
