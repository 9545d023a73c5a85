import type { Piece } from "../answer.ts";
import type {
  AnswerIdentity,
  ChoiceView,
  Dialect,
  Generation,
  Refusal,
  StreamForm,
  Tally,
  WholeChoice,
} from "./dialect.ts";
import {
  bytesOf,
  chatLogprobs,
  chunkBase,
  completionLogprobs,
  deltaFields,
  done,
  event,
  finishJson,
  hexId,
  logprobOf,
  toolCalls,
  usage,
  usageJson,
} from "./pieces.ts";
import { type ReadingRules, readGeneration } from "./read.ts";
import { sglangFamilies } from "./sglang-metrics.ts";
import { serverInfo, sglangModel } from "./sglang-pages.ts";
import {
  emptyOk,
  fastapiNotFound,
  fieldMissing,
  json,
  notAnInteger,
  notJson,
  prometheusPage,
  pythonJson,
  pythonRepr,
  uvicornHead,
} from "./uvicorn.ts";

/** SGLang's flat error. */
export function flatError(status: number, message: string, type = "BadRequestError"): Refusal {
  return { answer: json(status, { object: "error", message, type, param: null, code: status }) };
}

/** A validation error with the lines of its traceback; `context` is Python that no JSON value stands for. */
function invalid(api: string, entry: Record<string, unknown>, context = ""): Refusal {
  const [path, handler] =
    api === "chat" ? ["/v1/chat/completions", "chat_completions"] : ["/v1/completions", "completions"];
  const tuple = pythonRepr(entry).replace(/'loc': \[([^\]]*)\]/, "'loc': ($1)");
  const text = `${tuple.slice(0, -1)}${context}}`;
  const where = `  File "http_server.py", line 1860, in openai_v1_${handler}\n    POST ${path} [${text}]`;
  return flatError(400, `1 validation error:\n  ${text}\n\n${where}`, "Bad Request");
}

export function tooLong(
  input: number,
  output: number | undefined,
  contextLength: number,
): string | undefined {
  if (input >= contextLength) {
    return `The input (${input} tokens) is longer than the model's context length (${contextLength} tokens).`;
  }
  if (output === undefined || input + output < contextLength) return undefined;
  return `Requested token count exceeds the model's maximum context length of ${contextLength} tokens. You requested a total of ${input + output} tokens: ${input} tokens from the input messages and ${output} tokens for the completion. Please reduce the number of tokens in the input messages or the completion to fit within the limit.`;
}

const rules: ReadingRules = {
  malformed: (api, text) => invalid(api, notJson(text, "unexpected end of data")),
  missing: (api, field, fields) =>
    field === "model"
      ? undefined
      : invalid(api, fieldMissing(field, api === "chat" ? { ...fields, tool_choice: "none" } : fields)),
  wrongType: (api, field, value) => invalid(api, notAnInteger(field, value)),
  negativeTemperature: (value) =>
    flatError(400, `temperature must be a non-negative finite number, got ${value.toFixed(1)}.`),
  zeroTokens: (api) =>
    api === "chat"
      ? 0
      : invalid(
          api,
          {
            type: "value_error",
            loc: ["body", "max_tokens"],
            msg: "Value error, max_tokens must be positive",
            input: 0,
          },
          ", 'ctx': {'error': ValueError('max_tokens must be positive')}",
        ),
  emptyPrompt: () => flatError(400, "Prompt cannot be empty"),
  tokenIds: true,
  batch: true,
  tooLong: (input, output, { contextLength }) => {
    const message = tooLong(input, output, contextLength);
    return message === undefined ? undefined : flatError(400, message);
  },
  maxCompletionTokens: true,
  defaultMaxTokens: (api, input, { contextLength }) => (api === "chat" ? contextLength - input - 1 : 16),
  ignoreEos: true,
  minTokens: true,
  choices: true,
  continuousUsage: true,
  model: (asked) => asked ?? "default",
};

/** JSON of why a choice ended, next to its finish reason: the stop string, the end token's id, or null. */
export function matchedStop({ end }: ChoiceView | WholeChoice): string {
  if (end?.by === undefined) return "null";
  return "stop" in end.by ? JSON.stringify(end.by.stop) : "2";
}

function stream(generation: Generation, { choiceId, created }: AnswerIdentity): StreamForm {
  const chat = generation.api === "chat";
  const base = ({ index }: { index: number }) => chunkBase(generation, choiceId(index), created);
  const fullUsage = ({ reasoningTokens, ...tally }: Tally) =>
    `${usageJson({ reasoningTokens, ...tally })},"prompt_tokens_details":null,"reasoning_tokens":${reasoningTokens},"completion_tokens_details":null}`;
  const usageSoFar = (tally: Tally) =>
    generation.continuousUsage ? `,"usage":${fullUsage(tally)}` : chat ? "" : `,"usage":null`;
  const logprobs = ({ tokenTexts }: Piece) =>
    generation.logprobs ? sglangLogprobs(chat, tokenTexts) : "null";
  const chatEvent = (choice: ChoiceView, fields: string, finish: string, stop: string, logs = "null") =>
    event(
      `${base(choice)}"choices":[{"index":${choice.index},"delta":{${fields}},"logprobs":${logs},"finish_reason":${finish},"matched_stop":${stop}}]${usageSoFar(choice.tally)}}`,
    );
  return {
    chunks: (choice, piece) => {
      if (!chat) {
        const text = JSON.stringify(piece?.text ?? "");
        const logs = piece === undefined ? "null" : logprobs(piece);
        const stop = choice.end ? matchedStop(choice) : "null";
        const body = `"text":${text},"logprobs":${logs},"finish_reason":${finishJson(choice)},"matched_stop":${stop}`;
        return {
          text: event(
            `${base(choice)}"choices":[{"index":${choice.index},${body}}]${usageSoFar(choice.tally)}}`,
          ),
        };
      }
      const role = `"reasoning_content":null,"role":"assistant","content":""`;
      // The chat stream leaves out events without text, and says why it ended in one of its own.
      const reasoning = piece?.kind === "reasoning" && piece.field === "reasoning_content";
      const fields =
        piece === undefined
          ? ""
          : (reasoning ? "" : `"reasoning_content":null,`) + deltaFields(piece, choice.index);
      return {
        before: choice.first ? chatEvent(choice, role, "null", "null") : undefined,
        text:
          piece === undefined || piece.text === ""
            ? undefined
            : chatEvent(choice, fields, "null", "null", logprobs(piece)),
        after:
          choice.end === undefined
            ? undefined
            : chatEvent(choice, `"reasoning_content":null`, finishJson(choice), matchedStop(choice)),
      };
    },
    closing: (total) => {
      if (!generation.includeUsage) return undefined;
      // The completions stream leaves out what is null.
      const body = chat
        ? fullUsage(total)
        : `${usageJson(total)},"reasoning_tokens":${total.reasoningTokens}}`;
      return event(`${base({ index: 0 })}"choices":[],"usage":${body}}`);
    },
    done,
  };
}

/** `top` of each token is its own, or (0.4.7's chat streams) always that of the first. */
export function sglangLogprobs(
  chat: boolean,
  tokenTexts: readonly string[],
  top: "own" | "first" = "own",
): string {
  if (!chat) {
    return JSON.stringify({ ...completionLogprobs(tokenTexts, 0), text_offset: tokenTexts.map(() => -1) });
  }
  const { content } = chatLogprobs(tokenTexts, (token) => ({
    token,
    bytes: bytesOf(token),
    logprob: logprobOf(token),
  }));
  const first = content[0]?.["top_logprobs"];
  return JSON.stringify({
    content: top === "own" ? content : content.map((entry) => ({ ...entry, top_logprobs: first })),
  });
}

/** SGLang 0.5.23, as recorded. */
export const sglang: Dialect = {
  name: "sglang",
  head: (head) => uvicornHead(head, ["vary: Origin"]),
  headersWith: "first-event",
  idleMs: 5000,
  prefixCache: { on: true, blockTokens: 1 },
  loading: [
    { share: 0.9, refused: true },
    {
      share: 0.1,
      refused: false,
      answer: (path) => (path.startsWith("/health") ? { status: 503, body: "" } : undefined),
    },
  ],
  shutdown: "drain",
  engineDeath: { streams: "close", message: "", server: "exits" },
  textStyle: () => ({
    emptyEvents: true,
    stop: { match: "cut", where: "anywhere", hold: "prefix", emptyWhileHeld: false, release: "joined" },
  }),
  identity: ({ seed }, _api, request, created) => ({
    id: hexId(seed, request, 32),
    choiceId: (choice) => hexId(seed, request, 32, choice),
    created,
  }),
  read: (api, body, facts) => readGeneration(api, body, facts, rules),
  stream,
  errorEvent: (message) =>
    event(
      pythonJson({
        error: { object: "error", message, type: "InternalServerError", param: null, code: 500 },
      }),
    ),
  streamHead: () => ({ contentType: "text/event-stream; charset=utf-8", headers: [] }),
  whole: ({ api, model, maxTokens }, { id, created }, choices, total) => {
    const sum = {
      ...usage(total),
      reasoning_tokens: total.reasoningTokens,
      completion_tokens_details: null,
    };
    const end = Math.min(maxTokens, total.outputTokens);
    const metadata = { weight_version: "default", weight_versions: [{ version: "default", start: 0, end }] };
    const object = api === "chat" ? "chat.completion" : "text_completion";
    return json(200, {
      id,
      object,
      created,
      model,
      choices: sglangChoices(api, choices),
      usage: sum,
      metadata,
    });
  },
  failure: (status, message) => flatError(status, message, "InternalServerError").answer,
  get: (path, facts, live) => {
    switch (path) {
      case "/":
        return json(200, "SGLang is running");
      case "/health":
      case "/health_generate":
      case "/ping":
        return emptyOk;
      case "/v1/models":
        return json(200, {
          object: "list",
          data: [{ ...sglangModel(facts.model), parent: null, max_model_len: facts.contextLength }],
        });
      case "/get_model_info":
      case "/model_info":
        return json(200, {
          model_path: facts.model,
          served_model_name: facts.model,
          tokenizer_path: facts.model,
          is_generation: true,
          weight_version: "default",
          load_format: "auto",
          model_type: "simulated",
        });
      case "/get_server_info":
      case "/server_info":
        return json(200, serverInfo(facts, "0.5.23"));
      case "/metrics":
        return prometheusPage(live(), sglangFamilies, `engine_type="unified",model_name="${facts.model}"`, {
          chunked: true,
        });
      default:
        return undefined;
    }
  },
  notFound: fastapiNotFound,
};

export function sglangChoices(api: string, choices: readonly WholeChoice[]): unknown[] {
  return choices.map((choice) => {
    const ending = {
      logprobs: null,
      finish_reason: choice.end.reason,
      matched_stop: JSON.parse(matchedStop(choice)) as unknown,
    };
    if (api === "completions") return { index: choice.index, text: choice.text, ...ending };
    const calls = toolCalls(choice);
    const message = {
      role: "assistant",
      content: calls.length > 0 ? null : choice.text,
      reasoning_content: choice.reasoning === "" ? null : choice.reasoning,
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
    };
    return { index: choice.index, message, ...ending };
  });
}
