import type { Piece } from "../answer.ts";
import type { AnswerIdentity, ChoiceView, Dialect, Generation, Refusal, StreamForm } from "./dialect.ts";
import { chunkBase, deltaFields, done, event, finishJson, stopString, usage, usageJson } from "./pieces.ts";
import { type ReadingRules, readGeneration } from "./read.ts";
import { flatError, matchedStop, sglang, sglangChoices, sglangLogprobs, tooLong } from "./sglang.ts";
import { sglang047Families } from "./sglang-metrics.ts";
import { serverInfo, sglangModel } from "./sglang-pages.ts";
import {
  emptyOk,
  fastapiNotFound,
  internalServerError,
  json,
  prometheusPage,
  pythonJson,
} from "./uvicorn.ts";

/** What it could not read is an exception that nobody catches. */
const crash: Refusal = { answer: internalServerError };

/** Refused in words, and with `stream: true` inside a 200 stream. */
function refuseInStream(message: string): Refusal {
  const error = { object: "error", message, type: "BadRequestError", param: null, code: 400 };
  return { answer: json(400, error), inStream: event(pythonJson({ error })) };
}

const rules: ReadingRules = {
  malformed: (_api, text) => {
    const where = `Expecting value: line 1 column ${text.length + 1} (char ${text.length})`;
    return flatError(400, "Invalid request body, error: ", where);
  },
  missing: () => crash,
  wrongType: () => crash,
  negativeTemperature: (value) =>
    refuseInStream(`temperature must be non-negative, got ${value.toFixed(1)}.`),
  zeroTokens: (api) => (api === "chat" ? undefined : 1),
  // Division by zero in its scheduler's cache_hit_rate, with --enable-metrics and a tokenizer without a first token.
  emptyPrompt: () => ({ ...crash, fatal: true }),
  tokenIds: true,
  batch: true,
  tooLong: (input, output, { contextLength }) => {
    const message = tooLong(input, output, contextLength);
    return message === undefined ? undefined : refuseInStream(message);
  },
  maxCompletionTokens: true,
  defaultMaxTokens: (api, input, { contextLength }) =>
    api === "chat" ? Math.min(128, contextLength - input - 1) : 16,
  ignoreEos: true,
  minTokens: true,
  choices: true,
  continuousUsage: false,
  model: (asked, _api, { model }) => asked ?? model,
};

function stream(generation: Generation, { choiceId, created }: AnswerIdentity): StreamForm {
  const chat = generation.api === "chat";
  const { includeUsage } = generation;
  const base = (choice: number) => chunkBase(generation, choiceId(choice), created);
  const chatEvent = (
    { index }: ChoiceView,
    delta: string,
    finish: string,
    stop: string,
    logprobs: string,
    usage = "null",
  ) =>
    event(
      `${base(index)}"choices":[{"index":${index},"delta":{${delta}},"logprobs":${logprobs},"finish_reason":${finish},"matched_stop":${stop}}],"usage":${usage}}`,
    );
  /** Every field of a delta is written, null where it is not set. */
  const delta = (piece: Piece | undefined, index: number) => {
    const own = piece === undefined ? [] : [deltaFields(piece, index)];
    const has = (field: string) => own[0]?.startsWith(`"${field}":`) ?? false;
    const nulls = ["content", "reasoning_content", "tool_calls"].filter((field) => !has(field));
    const fields = nulls.map((field) => `"${field}":null`);
    return [`"role":null`, ...(has("content") ? [...own, ...fields] : [...fields, ...own])].join(",");
  };
  let last: ChoiceView | undefined;
  let told: readonly string[] = [];
  return {
    chunks: (choice, piece) => {
      // The log-probabilities of a chat stream are those of the whole answer so far, in each event again.
      told = piece === undefined ? told : [...told, ...piece.tokenTexts];
      const logprobs = generation.logprobs
        ? sglangLogprobs(chat, chat ? told : (piece?.tokenTexts ?? []), "first")
        : "null";
      if (choice.end !== undefined) last = choice;
      if (!chat) {
        const text = JSON.stringify(piece?.text ?? "");
        const stop = choice.end ? matchedStop(choice) : "null";
        const body = `"text":${text},"logprobs":${logprobs},"finish_reason":${finishJson(choice)},"matched_stop":${stop}`;
        return {
          text: event(`${base(choice.index)}"choices":[{"index":${choice.index},${body}}],"usage":null}`),
        };
      }
      const stop = JSON.stringify(stopString(choice));
      const role = `"role":"assistant","content":null,"reasoning_content":null,"tool_calls":null`;
      const finish = includeUsage || choice.first ? "null" : finishJson(choice);
      return {
        before: choice.first ? chatEvent(choice, role, finishJson(choice), "null", logprobs) : undefined,
        text:
          piece === undefined || piece.text === ""
            ? undefined
            : chatEvent(choice, delta(piece, choice.index), finish, stop, logprobs),
      };
    },
    closing: (total) => {
      const open = usageJson(total);
      if (chat && last !== undefined) {
        const sum = includeUsage ? `${open},"prompt_tokens_details":null}` : "null";
        return chatEvent(last, delta(undefined, last.index), finishJson(last), "null", "null", sum);
      }
      return includeUsage ? event(`${base(0)}"choices":[],"usage":${open}}}`) : undefined;
    },
    done,
  };
}

/** SGLang 0.4.7, as recorded. */
export const sglang047: Dialect = {
  ...sglang,
  name: "sglang-0.4.7",
  headersWith: "acceptance",
  // It says 200 before its warm-up request is done.
  loading: [
    { share: 0.85, refused: true },
    { share: 0.15, refused: false, answer: () => undefined },
  ],
  engineDeath: { streams: "hang", message: "", server: { health: undefined, message: "" } },
  textStyle: ({ stream: streamed }) => ({
    emptyEvents: true,
    // A stream has already sent what a whole answer cuts off.
    stop: {
      match: "cut",
      where: "anywhere",
      hold: streamed ? "none" : "length",
      emptyWhileHeld: true,
      release: "joined",
    },
  }),
  read: (api, body, facts) => readGeneration(api, body, facts, rules),
  stream,
  whole: ({ api, model }, { id, created }, choices, total) => {
    const all = sglangChoices(api, choices).map((choice) =>
      api === "chat" ? withToolCalls(choice as { message: Record<string, unknown> }) : choice,
    );
    const object = api === "chat" ? "chat.completion" : "text_completion";
    return json(200, { id, object, created, model, choices: all, usage: usage(total) });
  },
  get: (path, facts, live) => {
    switch (path) {
      case "/health":
      case "/health_generate":
      case "/ping":
        return emptyOk;
      case "/v1/models":
        return json(200, {
          object: "list",
          data: [{ ...sglangModel(facts.model), max_model_len: facts.contextLength }],
        });
      case "/get_model_info":
        return json(200, { model_path: facts.model, tokenizer_path: facts.model, is_generation: true });
      case "/get_server_info":
        return json(200, serverInfo(facts, "0.4.7"));
      case "/metrics":
        return prometheusPage(live(), sglang047Families, `model_name="${facts.model}"`, { chunked: true });
      default:
        return undefined;
    }
  },
  notFound: fastapiNotFound,
};

function withToolCalls(choice: { message: Record<string, unknown> }): unknown {
  return { ...choice, message: { ...choice.message, tool_calls: choice.message["tool_calls"] ?? null } };
}
