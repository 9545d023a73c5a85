import type { Piece } from "../answer.ts";
import { type Head, type HttpAnswer, statusLine } from "../http.ts";
import { cppNumber, renderMetrics } from "../metrics.ts";
import { tokenId } from "../words.ts";
import type {
  AnswerIdentity,
  ChoiceView,
  Dialect,
  Generation,
  PieceChunks,
  Refusal,
  StreamForm,
  Tally,
} from "./dialect.ts";
import { llamacppFamilies } from "./llamacpp-metrics.ts";
import { models, props, slots } from "./llamacpp-pages.ts";
import {
  bytesOf,
  chatLogprobs,
  deltaFields,
  done,
  event,
  finishJson,
  hexId,
  logprobOf,
  stopString,
  toolCalls,
} from "./pieces.ts";
import { type ReadingRules, readGeneration } from "./read.ts";

/** Head as llama.cpp's server (cpp-httplib) writes it. Errors say that the connection closes; it also does after streams. */
function head({ status, contentType, length, headers, close }: Head): string {
  const lines = [
    statusLine(status),
    "Server: llama.cpp",
    "Access-Control-Allow-Origin: ",
    ...headers,
    ...(contentType === undefined ? [] : [`Content-Type: ${contentType}`]),
    length === undefined ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`,
    close === "announced" ? "Connection: close" : "Keep-Alive: timeout=5, max=100",
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

const jsonType = "application/json; charset=utf-8";

function json(status: number, body: unknown): HttpAnswer {
  return {
    status,
    contentType: jsonType,
    body: JSON.stringify(body),
    ...(status >= 400 ? { close: "announced" } : {}),
  };
}

function refuse(
  message: string,
  type = "invalid_request_error",
  more: Record<string, unknown> = {},
): Refusal {
  return { answer: json(400, { error: { code: 400, message, type, ...more } }) };
}

const rules: ReadingRules = {
  malformed: (_api, text) =>
    refuse(
      `[json.exception.parse_error.101] parse error at line 1, column ${text.length + 1}: syntax error while parsing value - unexpected end of input; expected '[', '{', or a literal`,
    ),
  missing: (_api, field) => {
    if (field === "model") return undefined;
    return refuse(
      field === "messages"
        ? "'messages' is required"
        : "[json.exception.out_of_range.403] key 'prompt' not found",
    );
  },
  wrongType: (_api, field, value) =>
    refuse(`Field '${field}': [json.exception.type_error.302] type must be number, but is ${typeof value}`),
  zeroTokens: () => 1,
  tokenIds: true,
  batch: true,
  tooLong: (input, _output, { contextLength }) =>
    input < contextLength
      ? undefined
      : refuse(
          `request (${input} tokens) exceeds the available context size (${contextLength} tokens), try increasing it`,
          "exceed_context_size_error",
          { n_prompt_tokens: input, n_ctx: contextLength },
        ),
  maxCompletionTokens: true,
  // Without a limit, or with one too large, it runs to the context's end.
  defaultMaxTokens: (_api, input, { contextLength }) => (input === 0 ? 0 : contextLength - input),
  capMaxTokens: (input, { contextLength }) => (input === 0 ? 0 : contextLength - input),
  ignoreEos: true,
  minTokens: false,
  choices: true,
  continuousUsage: false,
  model: (_asked, _api, { model }) => model,
};

function usageJson({ promptTokens, outputTokens, cachedTokens }: Tally): string {
  return `{"completion_tokens":${outputTokens},"prompt_tokens":${promptTokens},"total_tokens":${promptTokens + outputTokens},"prompt_tokens_details":{"cached_tokens":${cachedTokens}}}`;
}

/** Its own timings, in milliseconds: the decode part runs from the first token to the last. */
function timingsJson(tally: Tally): string {
  const { promptTokens, cachedTokens, outputTokens } = tally;
  const computed = promptTokens - cachedTokens;
  const promptMs = Math.max(0, tally.firstTokenUs - tally.startedUs) / 1000;
  const gaps = outputTokens - 1;
  const predictedMs =
    outputTokens === 0 ? 0 : gaps === 0 ? 0.001 : (tally.lastTokenUs - tally.firstTokenUs) / 1000;
  const rate = (count: number, ms: number) => (ms > 0 && count > 0 ? (1000 * count) / ms : 0);
  return JSON.stringify({
    cache_n: cachedTokens,
    prompt_n: computed,
    prompt_ms: round(promptMs),
    prompt_per_token_ms: computed > 0 ? round(promptMs) / computed : 0,
    prompt_per_second: rate(computed, promptMs),
    predicted_n: outputTokens,
    predicted_ms: round(predictedMs),
    predicted_per_token_ms: gaps > 0 ? round(predictedMs) / gaps : 0,
    predicted_per_second: gaps > 0 ? rate(gaps, predictedMs) : 0,
  });
}

const round = (ms: number) => Math.round(ms * 1000) / 1000;

function stream(generation: Generation, { id, created }: AnswerIdentity): StreamForm {
  const chat = generation.api === "chat";
  const fields = `"created":${created},"id":"${id}","model":${JSON.stringify(generation.model)},"system_fingerprint":"b0-simulated","object":"chat.completion.chunk"`;
  const textFields = `"created":${created},"model":${JSON.stringify(generation.model)},"system_fingerprint":"b0-simulated","object":"text_completion"`;
  const logprobs = ({ tokenTexts }: Piece) =>
    generation.logprobs
      ? JSON.stringify(
          chatLogprobs(tokenTexts, (token) => ({
            id: tokenId(token),
            token,
            bytes: bytesOf(token),
            logprob: logprobOf(token),
          })),
        )
      : undefined;
  const delta = ({ index }: ChoiceView, body: string, finish: string, logs?: string) =>
    `{"choices":[{"finish_reason":${finish},"index":${index},"delta":{${body}}${logs === undefined ? "" : `,"logprobs":${logs}`}}],${fields}`;
  const text = ({ index }: ChoiceView, body: string, finish: string, logs = "null") =>
    `{"choices":[{"text":${JSON.stringify(body)},"index":${index},"logprobs":${logs},"finish_reason":${finish}}],${textFields}`;
  /** The last text before a stop string carries the timings as well. */
  const stopped = (choice: ChoiceView) =>
    stopString(choice) === null ? "" : `,"timings":${timingsJson(choice.tally)}`;

  const chatChunks = (choice: ChoiceView, piece: Piece | undefined): PieceChunks => {
    const role = choice.first ? event(`${delta(choice, `"role":"assistant","content":null`, "null")}}`) : "";
    const finish = delta(choice, "", finishJson(choice));
    const timings = choice.end === undefined ? "" : `,"timings":${timingsJson(choice.tally)}`;
    const usage = `${event(`${finish}}`)}${event(`{"choices":[],${fields},"usage":${usageJson(choice.tally)}${timings}}`)}`;
    return {
      before: piece === undefined && role !== "" ? role : undefined,
      text:
        piece === undefined
          ? undefined
          : role +
            event(
              `${delta(choice, deltaFields(piece, choice.index), "null", logprobs(piece))}${stopped(choice)}}`,
            ),
      after:
        choice.end === undefined
          ? undefined
          : generation.includeUsage
            ? usage
            : event(`${finish}${timings}}`),
    };
  };
  const textChunks = (choice: ChoiceView, piece: Piece | undefined): PieceChunks => {
    const usage = generation.usageHidden ? "" : `,"usage":${usageJson(choice.tally)}`;
    return {
      text:
        piece === undefined
          ? undefined
          : event(`${text(choice, piece.text, "null", logprobs(piece))},"id":"${id}"${stopped(choice)}}`),
      after:
        choice.end === undefined
          ? undefined
          : event(
              `${text(choice, "", finishJson(choice))}${usage},"id":"${id}","timings":${timingsJson(choice.tally)}}`,
            ),
    };
  };
  return {
    ...(!chat && generation.prompts.length > 1 ? { opening: event("null") } : {}),
    chunks: chat ? chatChunks : textChunks,
    closing: () => undefined,
    done,
  };
}

const loading = json(503, { error: { message: "Loading model", type: "unavailable_error", code: 503 } });

/** llama.cpp's server, build 11549, as recorded. */
export const llamacpp: Dialect = {
  name: "llamacpp",
  head,
  headersWith: "acceptance",
  idleMs: 5000,
  idleFromStart: true,
  requestsPerConnection: 100,
  closesAfterStream: true,
  prefixCache: { on: true, blockTokens: 1 },
  loading: [
    { share: 0.1, refused: true },
    { share: 0.9, refused: false, answer: () => loading },
  ],
  shutdown: "cut",
  engineDeath: { streams: "close", message: "", server: "exits" },
  textStyle: () => ({
    emptyEvents: false,
    stop: { match: "cut", where: "anywhere", hold: "prefix", emptyWhileHeld: true, release: "joined" },
  }),
  identity: ({ seed }, _api, request, created) => {
    const id = `chatcmpl-${hexId(seed, request, 32)}`;
    return { id, choiceId: () => id, created };
  },
  read: (api, body, facts) => readGeneration(api, body, facts, rules),
  stream,
  errorEvent: (message) => event(JSON.stringify({ error: { code: 500, message, type: "server_error" } })),
  streamHead: () => ({ contentType: "text/event-stream", headers: ["X-Accel-Buffering: no"] }),
  whole: ({ api, model }, { id, created }, choices) => {
    const list = choices.map((choice) => {
      if (api === "completions") {
        return { text: choice.text, index: choice.index, logprobs: null, finish_reason: choice.end.reason };
      }
      const calls = toolCalls(choice);
      const message = {
        role: "assistant",
        content: calls.length > 0 ? null : choice.text,
        ...(choice.reasoning === "" ? {} : { reasoning_content: choice.reasoning }),
        ...(calls.length > 0 ? { tool_calls: calls } : {}),
      };
      return { finish_reason: choice.end.reason, index: choice.index, message };
    });
    const object = api === "chat" ? "chat.completion" : "text_completion";
    const start = JSON.stringify({
      choices: list,
      created,
      model,
      system_fingerprint: "b0-simulated",
      object,
    });
    // Of several choices only the first is counted.
    const tally = choices[0]?.tally;
    const numbers =
      tally === undefined ? "" : `,"usage":${usageJson(tally)},"id":"${id}","timings":${timingsJson(tally)}`;
    return { status: 200, contentType: jsonType, body: `${start.slice(0, -1)}${numbers}}` };
  },
  failure: (status, message) => json(status, { error: { code: status, message, type: "server_error" } }),
  get: (path, facts, live) => {
    switch (path) {
      case "/":
        // Its web page exists only compressed.
        return {
          status: 415,
          contentType: "text/plain",
          body: "Error: gzip is not supported by this browser",
          close: "announced",
        };
      case "/health":
        return json(200, { status: "ok" });
      case "/v1/models":
        return json(200, models(facts));
      case "/props":
        return json(200, props(facts));
      case "/slots":
        return json(200, slots(facts, live().running));
      case "/metrics":
        return {
          status: 200,
          contentType: "text/plain; version=0.0.4",
          headers: [`Process-Start-Time-Unix: ${Math.floor(live().startedSeconds)}`],
          body: renderMetrics(live(), { labels: "", number: cppNumber, families: llamacppFamilies }),
        };
      default:
        return undefined;
    }
  },
  notFound: () => json(404, { error: { message: "File Not Found", type: "not_found_error", code: 404 } }),
};
