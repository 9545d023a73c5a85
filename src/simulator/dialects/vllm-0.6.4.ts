import type { Piece } from "../answer.ts";
import type {
  AnswerIdentity,
  ChoiceView,
  Dialect,
  Generation,
  Refusal,
  StreamForm,
  Tally,
} from "./dialect.ts";
import {
  chunkBase,
  deltaFields,
  done,
  event,
  fieldNames,
  finishJson,
  hexId,
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
  fieldMissing,
  json,
  notAnInteger,
  notJson,
  prometheusPage,
  pythonRepr,
  uvicornHead,
} from "./uvicorn.ts";
import { logprobsOf, vllm, vllmModel } from "./vllm.ts";
import { vllmV0Families } from "./vllm-metrics.ts";

const common = fieldNames(`
  model stream stream_options max_tokens temperature top_p n stop seed user frequency_penalty
  presence_penalty logit_bias logprobs best_of use_beam_search top_k min_p repetition_penalty length_penalty
  stop_token_ids include_stop_str_in_output ignore_eos min_tokens skip_special_tokens
  spaces_between_special_tokens truncate_prompt_tokens priority prompt_logprobs response_format guided_json
  guided_regex guided_choice guided_grammar guided_decoding_backend guided_whitespace_pattern
  add_special_tokens echo
`);

/** Request fields of vLLM 0.6.4 (`extra="forbid"`): src of its protocol.py at that tag. */
const known = {
  chat: new Set(
    common.concat(
      fieldNames(`
    messages max_completion_tokens top_logprobs tools tool_choice parallel_tool_calls add_generation_prompt
    continue_final_message documents chat_template chat_template_kwargs
  `),
    ),
  ),
  completions: new Set(common.concat(fieldNames("prompt suffix allowed_token_ids"))),
};

/** The flat error of vLLM before August 2025. */
function flatError(status: number, message: string, type = "BadRequestError"): Refusal {
  return { answer: json(status, { object: "error", message, type, param: null, code: status }) };
}

const invalid = (entry: Record<string, unknown>) => flatError(400, pythonRepr([entry]));

export const vllm064Rules: ReadingRules = {
  malformed: (_api, text) => invalid(notJson(text)),
  missing: (_api, field, fields) => invalid(fieldMissing(field, fields)),
  wrongType: (_api, field, value) => invalid(notAnInteger(field, value)),
  known: (api) => known[api],
  unknown: (fields) =>
    flatError(
      400,
      pythonRepr(
        fields.map(([name, input]) => ({
          type: "extra_forbidden",
          loc: ["body", name],
          msg: "Extra inputs are not permitted",
          input,
        })),
      ),
    ),
  wrongModel: (name) => flatError(404, `The model \`${name}\` does not exist.`, "NotFoundError"),
  negativeTemperature: (value) =>
    flatError(400, `temperature must be non-negative, got ${value.toFixed(1)}.`),
  zeroTokens: () => flatError(400, "max_tokens must be at least 1, got 0."),
  tokenIds: true,
  batch: true,
  tooLong: (input, output, { contextLength }) => {
    if (input + (output ?? 0) <= contextLength && input < contextLength) return undefined;
    const asked = output ?? 0;
    return flatError(
      400,
      `This model's maximum context length is ${contextLength} tokens. However, you requested ${input + asked} tokens (${input} in the messages, ${asked} in the completion). Please reduce the length of the messages or completion.`,
    );
  },
  maxCompletionTokens: true,
  defaultMaxTokens: (api, input, { contextLength }) => (api === "chat" ? contextLength - input : 16),
  ignoreEos: true,
  minTokens: true,
  choices: true,
  continuousUsage: true,
  model: (asked, _api, { model }) => asked ?? model,
};

function vllm064Stream(generation: Generation, { id, created }: AnswerIdentity): StreamForm {
  const chat = generation.api === "chat";
  const base = chunkBase(generation, id, created);
  // The completions stream writes every field, the chat stream those that were set.
  const usageSoFar = (tally: Tally) =>
    generation.continuousUsage ? `,"usage":${usageJson(tally)}}` : chat ? "" : `,"usage":null`;
  const text = (choice: ChoiceView, piece: Piece) => {
    const stopReason = JSON.stringify(stopString(choice));
    const logprobs = generation.logprobs ? logprobsOf(generation.api, piece, choice.offset) : "null";
    const finish = finishJson(choice);
    const body = chat
      ? `"delta":{${deltaFields(piece, choice.index)}},"logprobs":${logprobs},"finish_reason":${finish}${choice.end ? `,"stop_reason":${stopReason}` : ""}`
      : `"text":${JSON.stringify(piece.text)},"logprobs":${logprobs},"finish_reason":${finish},"stop_reason":${stopReason}`;
    return event(`${base}"choices":[{"index":${choice.index},${body}}]${usageSoFar(choice.tally)}}`);
  };
  const role = ({ index, tally }: ChoiceView) =>
    event(
      `${base}"choices":[{"index":${index},"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]${usageSoFar({ ...tally, outputTokens: 0 })}}`,
    );
  return {
    chunks: (choice, piece = noText) => ({
      before: chat && choice.first ? role(choice) : undefined,
      text: text(choice, piece),
    }),
    closing: (total) =>
      generation.includeUsage ? event(`${base}"choices":[],"usage":${usageJson(total)}}}`) : undefined,
    done,
  };
}

/** vLLM 0.6.4, after its source: rejects unknown fields, flat errors, no prefix cache unless asked for. */
export const vllm064: Dialect = {
  ...vllm,
  name: "vllm-0.6.4",
  head: (head) => uvicornHead(head, []),
  prefixCache: { on: false, blockTokens: 16 },
  shutdown: "cut",
  engineDeath: { streams: "error", message: "MQLLMEngine is already dead.", server: "exits" },
  identity: ({ seed }, api, request, created) => {
    const id = `${api === "chat" ? "chatcmpl" : "cmpl"}-${hexId(seed, request, 32)}`;
    return { id, choiceId: () => id, created };
  },
  read: (api, body, facts) => readGeneration(api, body, facts, vllm064Rules),
  stream: vllm064Stream,
  errorEvent: (message) =>
    event(JSON.stringify({ object: "error", message, type: "InternalServerError", param: null, code: 500 })),
  whole: ({ api, model }, { id, created }, choices, total) => {
    const ending = (choice: (typeof choices)[number]) => ({
      logprobs: null,
      finish_reason: choice.end.reason,
      stop_reason: stopString(choice),
    });
    if (api === "completions") {
      const texts = choices.map((choice) => ({
        index: choice.index,
        text: choice.text,
        ...ending(choice),
        prompt_logprobs: null,
      }));
      return json(200, {
        id,
        object: "text_completion",
        created,
        model,
        choices: texts,
        usage: usage(total),
      });
    }
    const messages = choices.map((choice) => {
      const calls = toolCalls(choice);
      const message = {
        role: "assistant",
        content: calls.length > 0 ? null : choice.text,
        tool_calls: calls,
      };
      return { index: choice.index, message, ...ending(choice) };
    });
    return json(200, {
      id,
      object: "chat.completion",
      created,
      model,
      choices: messages,
      usage: usage(total),
      prompt_logprobs: null,
    });
  },
  failure: (status, message) => flatError(status, message, "InternalServerError").answer,
  get: (path, facts, live) => {
    switch (path) {
      case "/health":
        return emptyOk;
      case "/version":
        return json(200, { version: "0.6.4.post1" });
      case "/v1/models":
        return json(200, { object: "list", data: [vllmModel(facts.model, facts.contextLength)] });
      case "/metrics":
        return prometheusPage(live(), vllmV0Families, `model_name="${facts.model}"`);
      default:
        return undefined;
    }
  },
  notFound: fastapiNotFound,
};
