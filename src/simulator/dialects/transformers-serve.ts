import type { Piece } from "../answer.ts";
import type { Head } from "../http.ts";
import type { AnswerIdentity, Api, Dialect, Generation, Refusal, StreamForm } from "./dialect.ts";
import { deltaFields, event, fieldNames, finishJson, toolCalls, uuid } from "./pieces.ts";
import { type ReadingRules, readGeneration } from "./read.ts";
import { fastapiNotFound, internalServerError, json, notJson, uvicornHead } from "./uvicorn.ts";

let answers = 0;

function head(head: Head): string {
  return uvicornHead(head, [`x-request-id: ${uuid(2, answers++)}`]);
}

const crash: Refusal = { answer: internalServerError };
const refuse = (status: number, detail: unknown): Refusal => ({ answer: json(status, { detail }) });

const common = fieldNames(`
  model stream stream_options max_tokens temperature top_p n stop seed user frequency_penalty
  presence_penalty logit_bias logprobs generation_config
`);
const known = {
  chat: new Set(
    common.concat(
      fieldNames(`
    messages max_completion_tokens top_logprobs tools tool_choice response_format
  `),
    ),
  ),
  completions: new Set(common.concat(fieldNames("prompt suffix echo best_of"))),
};

const rules: ReadingRules = {
  malformed: (_api, text) => refuse(422, [notJson(text)]),
  missing: (_api, field) => (field === "model" ? undefined : crash),
  wrongType: () => crash,
  known: (api) => known[api],
  unknown: (fields) =>
    refuse(422, `Unexpected fields in the request: {${fields.map(([name]) => `'${name}'`).join(", ")}}`),
  wrongModel: (name, { model }) => refuse(400, `Server is pinned to '${model}'; requested '${name}'.`),
  zeroTokens: () => crash,
  emptyPrompt: () => crash,
  tokenIds: () => refuse(400, "prompt must be a string."),
  batch: () => refuse(400, "prompt must be a string."),
  maxCompletionTokens: false,
  defaultMaxTokens: () => 1024,
  ignoreEos: false,
  minTokens: false,
  choices: false,
  continuousUsage: false,
  model: (_asked, _api, { model }) => `${model}@main`,
};

function stream({ api, model, usageHidden }: Generation, { id, created }: AnswerIdentity): StreamForm {
  const start = `{"id":"${id}","choices":[`;
  const fields = `],"created":${created},"model":${JSON.stringify(model)},`;
  const ending =
    api === "chat"
      ? `${fields}"object":"chat.completion.chunk","system_fingerprint":""`
      : `${fields}"object":"text_completion"`;
  return {
    // Before prefill.
    ...(api === "chat"
      ? { opening: event(`${start}{"delta":{"role":"assistant"},"index":0}${ending}}`) }
      : {}),
    chunks: (choice, piece) => {
      const body = (text: string) =>
        api === "chat" ? `{"delta":{${text}},"index":0}` : `{"index":0,${text}}`;
      const { promptTokens, outputTokens } = choice.tally;
      const total = promptTokens + outputTokens;
      const usage = `,"usage":{"completion_tokens":${outputTokens},"prompt_tokens":${promptTokens},"total_tokens":${total}}`;
      const reason = choice.omitFinish ? [] : [`"finish_reason":${finishJson(choice)}`];
      const finish =
        api === "chat" ? [`"delta":{}`, `"index":0`, ...reason] : [...reason, `"index":0`, `"text":""`];
      return {
        text: piece === undefined ? undefined : event(`${start}${body(deltaOrText(api, piece))}${ending}}`),
        after:
          choice.end === undefined
            ? undefined
            : event(`${start}{${finish.join(",")}}${ending}${usageHidden ? "" : usage}}`),
      };
    },
    closing: () => undefined,
  };
}

function deltaOrText(api: Api, piece: Piece): string {
  return api === "chat" ? deltaFields(piece, 0) : `"text":${JSON.stringify(piece.text)}`;
}

/** `transformers serve` 5.19, as recorded: role chunk before prefill, no [DONE], refuses unknown fields. */
export const transformersServe: Dialect = {
  name: "transformers-serve",
  head,
  headersWith: "acceptance",
  idleMs: 5000,
  prefixCache: { on: false, blockTokens: 1 },
  unstreamedRunsOn: true,
  loading: [{ share: 1, refused: true }],
  shutdown: "drain",
  engineDeath: { streams: "close", message: "", server: "exits" },
  textStyle: () => ({
    emptyEvents: false,
    stop: { match: "keep", where: "anywhere", hold: "none", emptyWhileHeld: false, release: "joined" },
  }),
  identity: ({ seed }, _api, request, created) => {
    const id = uuid(seed, request);
    return { id, choiceId: () => id, created };
  },
  read: (api, body, facts) => readGeneration(api, body, facts, rules),
  stream,
  errorEvent: (message) => event(JSON.stringify({ error: message })),
  streamHead: () => ({ contentType: "text/event-stream; charset=utf-8", headers: [] }),
  whole: ({ api, model }, { id, created }, choices, total) => {
    const list = choices.map((choice) => {
      const finish_reason = choice.end.reason;
      if (api === "completions") return { finish_reason, index: choice.index, text: choice.text };
      const calls = toolCalls(choice);
      const message = {
        content: calls.length > 0 ? null : choice.text,
        role: "assistant",
        ...(calls.length > 0 ? { tool_calls: calls } : {}),
      };
      return { finish_reason, index: choice.index, message };
    });
    const usage = {
      completion_tokens: total.outputTokens,
      prompt_tokens: total.promptTokens,
      total_tokens: total.promptTokens + total.outputTokens,
    };
    const object = api === "chat" ? "chat.completion" : "text_completion";
    return json(200, { id, choices: list, created, model, object, usage });
  },
  failure: (status, message) => json(status, { detail: message }),
  get: (path) => {
    if (path === "/health") return json(200, { status: "ok" });
    // Offline its list of models fails.
    return path === "/v1/models" ? internalServerError : undefined;
  },
  notFound: fastapiNotFound,
};
