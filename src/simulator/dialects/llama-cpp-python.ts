import type { Head, HttpAnswer } from "../http.ts";
import type { AnswerIdentity, Api, Dialect, Generation, Refusal, StreamForm } from "./dialect.ts";
import {
  completionLogprobs,
  deltaFields,
  done,
  finishJson,
  hexId,
  logprobOf,
  toolCalls,
  uuid,
} from "./pieces.ts";
import { type ReadingRules, readGeneration } from "./read.ts";
import { fastapiNotFound, internalServerError, json, pythonJson, uvicornHead } from "./uvicorn.ts";

let answers = 0;

function head(head: Head): string {
  const ours = head.status === 200 ? ["openai-processing-ms: 1"] : [];
  const text = uvicornHead(head, [...ours, `x-request-id: ${hexId(1, answers++, 32)}`, "vary: Origin"]);
  // Streams come from another library, which writes this header in its own way.
  return head.stream ? text.replace("transfer-encoding: chunked", "Transfer-Encoding: chunked") : text;
}

const nothing = { message: "", type: "internal_server_error", param: null, code: null };

function failed(message = ""): Refusal {
  return { answer: json(500, { error: { ...nothing, message } }) };
}

/** Validation errors with the lines of their traceback, as a failure of the server. */
function invalid(api: Api, entries: readonly string[]): Refusal {
  const [path, handler] =
    api === "chat" ? ["chat/completions", "chat_completion"] : ["completions", "completion"];
  const where = `  File "app.py", line 264, in create_${handler}\n    POST /v1/${path}`;
  const count = `${entries.length} validation error${entries.length === 1 ? "" : "s"}:`;
  return failed(`${count}\n  ${entries.join("\n  ")}\n\n${where}`);
}

const rules: ReadingRules = {
  malformed: () => ({ answer: internalServerError }),
  missing: (_api, field) => (field === "prompt" ? { ...failed(), inStream: "" } : undefined),
  wrongType: (api, field, value) =>
    invalid(api, [
      `{'type': 'int_parsing', 'loc': ('body', '${field}'), 'msg': 'Input should be a valid integer, unable to parse string as an integer', 'input': '${String(value)}'}`,
    ]),
  zeroTokens: () => 1_000_000,
  emptyPrompt: () => ({ ...failed(), inStream: "" }),
  tokenIds: (_text, ids) => {
    const entry = (where: string, input: string) =>
      `{'type': 'string_type', 'loc': ('body', 'prompt', ${where}), 'msg': 'Input should be a valid string', 'input': ${input}}`;
    const each = ids.map((id, i) => entry(`'list[str]', ${i}`, String(id)));
    return invalid("completions", [entry("'str'", `[${ids.join(", ")}]`), ...each]);
  },
  batch: () => failed(),
  tooLong: (input, output = 16, { contextLength }, api) => {
    if (input < contextLength) return undefined;
    const limit = `This model's maximum context length is ${contextLength} tokens`;
    const asked = `you requested ${input + output} tokens`;
    const message =
      api === "chat"
        ? `${limit}. However, ${asked} (${input} in the messages, ${output} in the completion). Please reduce the length of the messages or completion.`
        : `${limit}, however ${asked} (${input} in your prompt; ${output} for the completion). Please reduce your prompt; or completion length.`;
    const error = {
      message,
      type: "invalid_request_error",
      param: "messages",
      code: "context_length_exceeded",
    };
    return { answer: json(400, { error }), inStream: "" };
  },
  maxCompletionTokens: false,
  defaultMaxTokens: (api, input, { contextLength }) => (api === "chat" ? contextLength - input : 16),
  capMaxTokens: (input, { contextLength }) => contextLength - input,
  ignoreEos: false,
  minTokens: true,
  choices: false,
  continuousUsage: false,
  model: (asked, _api, { model }) => asked ?? model,
};

const event = (value: unknown) => `data: ${pythonJson(value)}\n\n`;

function stream({ api, model, logprobs }: Generation, { id, created }: AnswerIdentity): StreamForm {
  const chunk = (choice: Record<string, unknown>) =>
    event(
      api === "chat"
        ? { id, model, created, object: "chat.completion.chunk", choices: [choice] }
        : { id, object: "text_completion", created, model, choices: [choice] },
    );
  return {
    chunks: (choice, piece) => {
      const finish_reason = JSON.parse(finishJson(choice)) as string | null;
      const { index } = choice;
      if (api === "completions") {
        const logs = piece !== undefined && logprobs ? textLogprobs(piece.tokenTexts, choice.offset) : null;
        return {
          text:
            piece === undefined
              ? undefined
              : chunk({ text: piece.text, index, logprobs: logs, finish_reason: null }),
          after:
            choice.end === undefined ? undefined : chunk({ text: "", index, logprobs: null, finish_reason }),
        };
      }
      const role = { index, delta: { role: "assistant" }, logprobs: null, finish_reason: null };
      // The last piece before a stop string is empty, and left out of a chat.
      const delta =
        piece === undefined || piece.text === ""
          ? undefined
          : (JSON.parse(`{${deltaFields(piece, index)}}`) as unknown);
      const logs = piece !== undefined && logprobs ? chatLogs(piece.tokenTexts) : null;
      return {
        before: choice.first ? chunk(role) : undefined,
        text: delta === undefined ? undefined : chunk({ index, delta, logprobs: logs, finish_reason: null }),
        after:
          choice.end === undefined ? undefined : chunk({ index, delta: {}, logprobs: null, finish_reason }),
      };
    },
    closing: () => undefined,
    done,
  };
}

function textLogprobs(tokenTexts: readonly string[], offset: number): unknown {
  const { text_offset, token_logprobs, tokens, top_logprobs } = completionLogprobs(tokenTexts, offset);
  return { tokens, text_offset, token_logprobs, top_logprobs };
}

function chatLogs(tokenTexts: readonly string[]): unknown {
  const content = tokenTexts.map((token) => {
    const logprob = logprobOf(token);
    return { token, bytes: null, logprob, top_logprobs: [{ token, logprob, bytes: null }] };
  });
  return { content, refusal: null };
}

function models(model: string): HttpAnswer {
  return json(200, {
    object: "list",
    data: [{ id: model, object: "model", owned_by: "me", permissions: [] }],
  });
}

/** llama-cpp-python 0.3.36, as recorded: one request at a time, and a new one cuts the stream that runs. */
export const llamaCppPython: Dialect = {
  name: "llama-cpp-python",
  head,
  headersWith: "acceptance",
  idleMs: 5000,
  prefixCache: { on: true, blockTokens: 1 },
  newRequestCutsStream: true,
  loading: [{ share: 1, refused: true }],
  shutdown: "drain",
  engineDeath: { streams: "close", message: "", server: "exits" },
  textStyle: () => ({
    emptyEvents: false,
    endUncounted: true,
    stop: { match: "cut", where: "anywhere", hold: "prefix", emptyWhileHeld: false, release: "each" },
  }),
  identity: ({ seed }, api, request, created) => {
    const id = `${api === "chat" ? "chatcmpl" : "cmpl"}-${uuid(seed, request)}`;
    return { id, choiceId: () => id, created };
  },
  read: (api, body, facts) => readGeneration(api, body, facts, rules),
  stream,
  errorEvent: (message) => event({ error: { ...nothing, message } }),
  streamHead: () => ({
    contentType: "text/event-stream; charset=utf-8",
    headers: ["cache-control: no-store", "connection: keep-alive", "x-accel-buffering: no"],
  }),
  whole: ({ api, model }, { id, created }, choices, total) => {
    const usage = {
      prompt_tokens: total.promptTokens,
      completion_tokens: total.outputTokens,
      total_tokens: total.promptTokens + total.outputTokens,
    };
    const list = choices.map((choice) => {
      const finish_reason = choice.end.reason;
      if (api === "completions")
        return { text: choice.text, index: choice.index, logprobs: null, finish_reason };
      const calls = toolCalls(choice);
      const message = {
        content: calls.length > 0 ? null : choice.text,
        role: "assistant",
        ...(calls.length > 0 ? { tool_calls: calls } : {}),
      };
      return { index: choice.index, message, logprobs: null, finish_reason };
    });
    const object = api === "chat" ? "chat.completion" : "text_completion";
    return json(200, { id, object, created, model, choices: list, usage });
  },
  failure: (status, message) => json(status, { error: { ...nothing, message } }),
  get: (path, facts) => (path === "/v1/models" ? models(facts.model) : undefined),
  notFound: fastapiNotFound,
};
