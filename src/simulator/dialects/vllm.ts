import type { Piece } from "../answer.ts";
import { tokenId } from "../words.ts";
import type {
  AnswerIdentity,
  Api,
  ChoiceView,
  Dialect,
  Generation,
  Refusal,
  StreamForm,
  Tally,
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
  noText,
  stopString,
  toolCalls,
  usage,
  usageJson,
} from "./pieces.ts";
import { type ReadingRules, readGeneration } from "./read.ts";
import {
  emptyOk,
  fastapiNotFound,
  json,
  prometheusPage,
  pythonJson,
  pythonRepr,
  uvicornHead,
} from "./uvicorn.ts";
import { vllmFamilies } from "./vllm-metrics.ts";

const fingerprint = `"system_fingerprint":"vllm-0.32.0-simulated"`;

function refuse(status: number, message: string, type: string, param: string | null): Refusal {
  return { answer: json(status, { error: { message, type, param, code: status } }) };
}

/** One entry of pydantic's list of errors, as vLLM prints it. */
function invalid(entry: Record<string, unknown>, param: string): Refusal {
  return refuse(400, `1 validation error:\n  ${pythonRepr(entry)}`, "Bad Request", param);
}

const badValue = (message: string, parameter: string, value?: string | number) =>
  refuse(
    400,
    `${message} (parameter=${parameter}${value === undefined ? "" : `, value=${value}`})`,
    "BadRequestError",
    parameter,
  );

const rules: ReadingRules = {
  malformed: (_api, text) =>
    invalid(
      {
        type: "json_invalid",
        loc: `body.${text.length}`,
        msg: "JSON decode error",
        input: "<dict of 0 items>",
        ctx: { error: "Expecting value" },
      },
      `body.${text.length}`,
    ),
  missing: (_api, field, fields) => {
    if (field === "model") return undefined;
    if (field === "prompt")
      return badValue("Either prompt or prompt_embeds must be provided and non-empty.", "prompt");
    const input = `<dict of ${Object.keys(fields).length} items>`;
    return invalid({ type: "missing", loc: `body.${field}`, msg: "Field required", input }, `body.${field}`);
  },
  wrongType: (_api, field, value) =>
    invalid(
      {
        type: "int_parsing",
        loc: `body.${field}`,
        msg: "Input should be a valid integer, unable to parse string as an integer",
        input: value,
      },
      `body.${field}`,
    ),
  wrongModel: (name, { model }) =>
    refuse(404, `The model \`${name}\` does not exist. Valid aliases: ${model}.`, "NotFoundError", "model"),
  negativeTemperature: (value) =>
    badValue(`temperature must be non-negative, got ${value.toFixed(1)}.`, "temperature", value.toFixed(1)),
  zeroTokens: () => badValue("max_tokens must be at least 1, got 0.", "max_tokens", 0),
  emptyPrompt: () => badValue("Either prompt or prompt_embeds must be provided and non-empty.", "prompt"),
  tokenIds: true,
  batch: true,
  tooLong: (input, output, { contextLength }) => {
    if (input > contextLength) {
      return badValue(
        `This model's maximum context length is ${contextLength} tokens. However, your prompt contains at least ${contextLength + 1} input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt.`,
        "input_tokens",
        contextLength + 1,
      );
    }
    if (output === undefined || input + output <= contextLength) return undefined;
    return badValue(
      output > contextLength
        ? `max_tokens=${output} cannot be greater than max_model_len=${contextLength}. Please request fewer output tokens.`
        : `This model's maximum context length is ${contextLength} tokens. However, you requested ${output} output tokens and your prompt contains ${input} input tokens.`,
      "max_tokens",
      output,
    );
  },
  maxCompletionTokens: true,
  defaultMaxTokens: (api, input, { contextLength }) => (api === "chat" ? contextLength - input : 16),
  ignoreEos: true,
  minTokens: true,
  choices: true,
  continuousUsage: true,
  model: (_asked, _api, { model }) => model,
};

function stream(generation: Generation, { id, created }: AnswerIdentity): StreamForm {
  const chat = generation.api === "chat";
  const base = chunkBase(generation, id, created);
  const usageSoFar = (tally: Tally) => (generation.continuousUsage ? `,"usage":${usageJson(tally)}}` : "");

  const role = ({ index, tally }: ChoiceView) =>
    event(
      `${base}"choices":[{"index":${index},"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null${usageSoFar({ ...tally, outputTokens: 0 })}}`,
    );
  const body = (choice: ChoiceView, piece: Piece) => {
    const stopReason = JSON.stringify(stopString(choice));
    const finish = finishJson(choice);
    const ids = generation.returnTokenIds ? JSON.stringify(piece.tokenTexts.map(tokenId)) : "null";
    const logprobs = generation.logprobs ? logprobsOf(generation.api, piece, choice.offset) : "null";
    return chat
      ? `"delta":{${deltaFields(piece, choice.index)}},"logprobs":${logprobs},"finish_reason":${finish}${choice.end ? `,"stop_reason":${stopReason}` : ""},"token_ids":${ids}`
      : `"text":${JSON.stringify(piece.text)},"logprobs":${logprobs},"finish_reason":${finish},"stop_reason":${stopReason},"prompt_token_ids":null,"token_ids":${ids}`;
  };
  return {
    chunks: (choice, piece = noText) => {
      const last = choice.allEnded && !generation.includeUsage ? `,${fingerprint}` : "";
      const text = `${base}"choices":[{"index":${choice.index},${body(choice, piece)}}]${usageSoFar(choice.tally)}${last}}`;
      return { before: chat && choice.first ? role(choice) : undefined, text: event(text) };
    },
    closing: (total) =>
      generation.includeUsage
        ? event(`${base}"choices":[],"usage":${usageJson(total)}},${fingerprint}}`)
        : undefined,
    done,
  };
}

export function logprobsOf(api: Api, { tokenTexts }: Piece, offset: number): string {
  return JSON.stringify(
    api === "chat"
      ? chatLogprobs(tokenTexts, (token) => ({ token, logprob: logprobOf(token), bytes: bytesOf(token) }))
      : completionLogprobs(tokenTexts, offset),
  );
}

/** vLLM 0.32, as recorded. */
export const vllm: Dialect = {
  name: "vllm",
  head: (head) => uvicornHead(head, ["vary: Origin"]),
  headersWith: "acceptance",
  idleMs: 5000,
  prefixCache: { on: true, blockTokens: 16 },
  loading: [{ share: 1, refused: true }],
  shutdown: "error",
  engineDeath: {
    streams: "error",
    message: "EngineCore encountered an issue. See stack trace (above) for the root cause.",
    server: "exits",
  },
  textStyle: () => ({
    emptyEvents: true,
    stop: { match: "cut", where: "anywhere", hold: "length", emptyWhileHeld: true, release: "joined" },
  }),
  identity: ({ seed }, api, request, created) => {
    const id = `${api === "chat" ? "chatcmpl" : "cmpl"}-${hexId(seed, request, 16)}`;
    return { id, choiceId: () => id, created };
  },
  read: (api, body, facts) => readGeneration(api, body, facts, rules),
  stream,
  errorEvent: (message) =>
    event(pythonJson({ error: { message, type: "InternalServerError", param: null, code: 500 } })),
  streamHead: () => ({ contentType: "text/event-stream; charset=utf-8", headers: [] }),
  whole: ({ api, model }, { id, created }, choices, total) => {
    const common = {
      service_tier: null,
      system_fingerprint: "vllm-0.32.0-simulated",
      usage: { ...usage(total), completion_tokens_details: null },
    };
    const rest = { kv_transfer_params: null, ec_transfer_params: null, metrics: null };
    const ending = (choice: (typeof choices)[number]) => ({
      logprobs: null,
      finish_reason: choice.end.reason,
      stop_reason: stopString(choice),
      token_ids: null,
    });
    if (api === "completions") {
      const texts = choices.map((choice) => ({
        index: choice.index,
        text: choice.text,
        ...ending(choice),
        prompt_logprobs: null,
        prompt_token_ids: null,
        routed_experts: null,
      }));
      return json(200, { id, object: "text_completion", created, model, choices: texts, ...common, ...rest });
    }
    const messages = choices.map((choice) => {
      const calls = toolCalls(choice);
      const message = {
        role: "assistant",
        content: calls.length > 0 ? null : choice.text,
        refusal: null,
        annotations: null,
        audio: null,
        function_call: null,
        ...(calls.length > 0 ? { tool_calls: calls } : {}),
        reasoning: choice.reasoning === "" ? null : choice.reasoning,
      };
      return { index: choice.index, message, ...ending(choice), routed_experts: null };
    });
    const prompt = { prompt_logprobs: null, prompt_token_ids: null, prompt_text: null };
    return json(200, {
      id,
      object: "chat.completion",
      created,
      model,
      choices: messages,
      ...common,
      ...prompt,
      ...rest,
    });
  },
  failure: (status, message) =>
    json(status, { error: { message, type: "InternalServerError", param: null, code: status } }),
  get: (path, facts, live) => {
    switch (path) {
      case "/health":
      case "/ping":
        return emptyOk;
      case "/version":
        return json(200, { version: "0.32.0" });
      case "/load":
        return json(200, { server_load: live().running + live().waiting });
      case "/v1/models":
        return json(200, { object: "list", data: [vllmModel(facts.model, facts.contextLength)] });
      case "/metrics":
        return prometheusPage(live(), vllmFamilies, `engine="0",model_name="${facts.model}"`, {
          contentType: "text/plain; version=1.0.0; charset=utf-8",
        });
      default:
        return undefined;
    }
  },
  notFound: fastapiNotFound,
};

export function vllmModel(model: string, contextLength: number): Record<string, unknown> {
  const created = Math.floor(Date.now() / 1000);
  const permission = {
    id: `modelperm-${hexId(1, created, 16)}`,
    object: "model_permission",
    created,
    allow_create_engine: false,
    allow_sampling: true,
    allow_logprobs: true,
    allow_search_indices: false,
    allow_view: true,
    allow_fine_tuning: false,
    organization: "*",
    group: null,
    is_blocking: false,
  };
  const common = { id: model, object: "model", created, owned_by: "vllm", root: model, parent: null };
  return { ...common, max_model_len: contextLength, permission: [permission] };
}
