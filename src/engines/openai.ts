import type { RequestDialect } from "./spec.ts";

/**
 * A server of unknown make: only fields of the OpenAI API itself are sent. Each engine's dialect is this one, and
 * where it differs.
 */
export const openai: RequestDialect = {
  name: "openai",
  model: "served-name",
  maxTokensField: { chat: "max_tokens", completions: "max_tokens" },
  ignoreEos: null,
  minTokens: false,
  streamOptions: { includeUsage: true, continuousUsage: false },
  seed: true,
  endTokenCounted: false,
  closesAfterStream: false,
  maxIdleMs: 4000,
};
