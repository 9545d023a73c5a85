import type { Piece } from "../answer.ts";
import { mix } from "../random.ts";
import { tokenId } from "../words.ts";
import type { ChoiceView, Generation, Tally, WholeChoice } from "./dialect.ts";

/** Names of request fields out of a text that lists them. */
export function fieldNames(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** One event as most servers write it. */
export function event(json: string): string {
  return `data: ${json}\n\n`;
}

export const done = event("[DONE]");

/** JSON of the finish reason in an event: null before the end, and where it must not be said. */
export function finishJson(
  { end, omitFinish }: ChoiceView,
  names: Readonly<Record<string, string>> = {},
): string {
  return end === undefined || omitFinish ? "null" : JSON.stringify(names[end.reason] ?? end.reason);
}

/** Fields of a delta that carry a piece: text, reasoning or part of a tool call. */
export function deltaFields(piece: Piece, choice: number): string {
  if (piece.kind === "tool-name") {
    const id = `call_${mix(choice, 99).toString(16)}`;
    const call = `{"index":0,"id":"${id}","type":"function","function":{"name":${JSON.stringify(piece.text)},"arguments":""}}`;
    return `"tool_calls":[${call}]`;
  }
  if (piece.kind === "tool-arguments") {
    return `"tool_calls":[{"index":0,"function":{"arguments":${JSON.stringify(piece.text)}}}]`;
  }
  return `"${piece.field}":${JSON.stringify(piece.text)}`;
}

/** Tool calls of a whole message. */
export function toolCalls({ tool, index }: WholeChoice): unknown[] {
  if (tool === undefined) return [];
  return [{ id: `call_${mix(index, 99).toString(16)}`, type: "function", function: tool }];
}

/** A made-up log-probability of a token. */
export function logprobOf(text: string): number {
  return -((tokenId(text) % 1000) + 1) / 500;
}

export function bytesOf(text: string): number[] {
  return [...Buffer.from(text, "utf8")];
}

/** Log-probabilities in the form of the completions API. */
export function completionLogprobs(tokenTexts: readonly string[], offset: number): Record<string, unknown> {
  let at = offset;
  return {
    text_offset: tokenTexts.map((text) => {
      const start = at;
      at += text.length;
      return start;
    }),
    token_logprobs: tokenTexts.map(logprobOf),
    tokens: tokenTexts,
    top_logprobs: tokenTexts.map((text) => ({ [text]: logprobOf(text) })),
  };
}

/** Log-probabilities in the form of the chat API; `entry` decides which fields a token has, and their order. */
export function chatLogprobs(
  tokenTexts: readonly string[],
  entry: (text: string) => Record<string, unknown>,
): { content: Record<string, unknown>[] } {
  return { content: tokenTexts.map((text) => ({ ...entry(text), top_logprobs: [entry(text)] })) };
}

/** What a choice says when it ends without a further piece, where the server says that in an event with a text. */
export const noText: Piece = { kind: "content", field: "content", text: "", tokenTexts: [] };

/** The fields that every chunk of a stream begins with, in the order vLLM and SGLang write them. */
export function chunkBase({ api, model }: Generation, id: string, created: number): string {
  const object = api === "chat" ? "chat.completion.chunk" : "text_completion";
  return `{"id":"${id}","object":"${object}","created":${created},"model":${JSON.stringify(model)},`;
}

/** The stop string that ended a choice; null: something else did, or nothing has. */
export function stopString({ end }: Pick<ChoiceView, "end">): string | null {
  return end?.by !== undefined && "stop" in end.by ? end.by.stop : null;
}

/** Usage of a whole answer as vLLM and SGLang write it. */
export function usage({ promptTokens, outputTokens }: Tally): Record<string, number | null> {
  return {
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + outputTokens,
    completion_tokens: outputTokens,
    prompt_tokens_details: null,
  };
}

/** Usage in the order vLLM and SGLang write it; its brace is left open for more. */
export function usageJson({ promptTokens, outputTokens }: Tally): string {
  const total = promptTokens + outputTokens;
  return `{"prompt_tokens":${promptTokens},"total_tokens":${total},"completion_tokens":${outputTokens}`;
}

/** Letters and digits made from a request's number: repeatable ids. */
export function hexId(seed: number, request: number, length: number, salt = 0): string {
  let id = "";
  for (let part = 0; id.length < length; part++) {
    id += mix(mix(seed, request), part + salt * 64)
      .toString(16)
      .padStart(8, "0");
  }
  return id.slice(0, length);
}

export function uuid(seed: number, request: number): string {
  const hex = hexId(seed, request, 32);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
