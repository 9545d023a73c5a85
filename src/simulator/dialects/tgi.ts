import { type Head, type HttpAnswer, statusLine } from "../http.ts";
import { renderMetrics } from "../metrics.ts";
import type {
  AnswerIdentity,
  Api,
  ChoiceView,
  Dialect,
  Generation,
  Refusal,
  ServerFacts,
  StreamForm,
  Tally,
  WholeChoice,
} from "./dialect.ts";
import {
  chatLogprobs,
  deltaFields,
  done,
  event,
  finishJson,
  logprobOf,
  noText,
  stopString,
  toolCalls,
} from "./pieces.ts";
import { type Fields, type ReadingRules, readGeneration } from "./read.ts";
import { tgiFamilies } from "./tgi-metrics.ts";

const cors = [
  "vary: origin, access-control-request-method, access-control-request-headers",
  "access-control-allow-origin: *",
];

/** Head as TGI's router (hyper) writes it. */
function head({ status, contentType, length, headers, close }: Head): string {
  const isAllow = (line: string) => line.startsWith("allow:");
  const lines = [
    statusLine(status),
    ...(contentType === undefined ? [] : [`content-type: ${contentType}`]),
    ...headers.filter((line) => !isAllow(line)),
    ...cors,
    ...headers.filter(isAllow),
    length === undefined ? "transfer-encoding: chunked" : `content-length: ${length}`,
    ...(close === "announced" ? ["connection: close"] : []),
    `date: ${new Date().toUTCString()}`,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function plain(status: number, body: string): Refusal {
  return { answer: { status, contentType: "text/plain; charset=utf-8", body } };
}

function failure(status: number, error: string, error_type: string): HttpAnswer {
  return { status, contentType: "application/json", body: JSON.stringify({ error, error_type }) };
}

/** What its validation refuses: 422, and with `stream: true` inside a 200 stream. */
function invalid(what: string): Refusal {
  const message = `Input validation error: ${what}`;
  return { answer: failure(422, message, "validation"), inStream: errorEvent(message) };
}

/** Whatever went wrong, the code is 422. */
const errorEvent = (message: string) => event(JSON.stringify({ error: { message, http_status_code: 422 } }));

const target = "Failed to deserialize the JSON body into the target type";
const at = (text: string, column = text.length) => `at line 1 column ${column}`;
const promptForm = (text: string): Refusal => {
  const column = text.indexOf("]") + 1;
  return plain(
    422,
    `${target}: prompt: data did not match any variant of untagged enum PromptDeserializer ${at(text, column)}`,
  );
};

/** The two versions differ in their defaults and in what they do with a length that does not fit. */
function rulesOf(version: 2 | 3): ReadingRules {
  return {
    malformed: (api, text) => {
      const [field, what] = api === "chat" ? ["messages", "a list"] : ["prompt", "a value"];
      return plain(
        400,
        `Failed to parse the request body as JSON: ${field}: EOF while parsing ${what} ${at(text)}`,
      );
    },
    missing: (_api, field, fields) =>
      field === "model"
        ? undefined
        : plain(422, `${target}: missing field \`${field}\` ${at(JSON.stringify(fields))}`),
    wrongType: (_api, field, value, text) => {
      const shown = JSON.stringify(value);
      const column = text.indexOf(shown) + shown.length;
      return plain(
        422,
        `${target}: ${field}: invalid type: string ${shown}, expected u32 ${at(text, column)}`,
      );
    },
    negativeTemperature: () => invalid("`temperature` must be strictly positive"),
    zeroTokens: () => invalid("`max_new_tokens` must be strictly positive"),
    emptyPrompt: () => invalid("`inputs` cannot be empty"),
    tokenIds: promptForm,
    batch: true,
    tooLong: (input, output, { contextLength }) => {
      const asked = output ?? (version === 2 ? 100 : 0);
      const fits = version === 2 ? input + asked <= contextLength : input < contextLength;
      return fits
        ? undefined
        : invalid(
            `\`inputs\` tokens + \`max_new_tokens\` must be <= ${contextLength}. Given: ${input} \`inputs\` tokens and ${asked} \`max_new_tokens\``,
          );
    },
    maxCompletionTokens: version === 3,
    defaultMaxTokens: (_api, input, { contextLength }) => (version === 2 ? 100 : contextLength - input),
    capMaxTokens: (input, { contextLength }) => contextLength - input,
    ignoreEos: false,
    minTokens: false,
    choices: false,
    continuousUsage: false,
    model: (asked, api, { model }) => (version === 3 && api === "chat" ? (asked ?? model) : model),
  };
}

const usageJson = ({ promptTokens, outputTokens }: Tally) =>
  `{"prompt_tokens":${promptTokens},"completion_tokens":${outputTokens},"total_tokens":${promptTokens + outputTokens}}`;

/** Names of the completions stream; elsewhere a stop is a "stop". */
function streamFinish(choice: ChoiceView): string {
  if (choice.end?.by === undefined) return finishJson(choice);
  return finishJson(choice, { stop: "stop" in choice.end.by ? "stop_sequence" : "eos_token" });
}

function streamOf(version: 2 | 3, fingerprint: string) {
  return (generation: Generation, { created }: AnswerIdentity): StreamForm => {
    const { includeUsage, usageHidden } = generation;
    const model = JSON.stringify(generation.model);
    const chatBase = `{"object":"chat.completion.chunk","id":"","created":${created},"model":${model},"system_fingerprint":"${fingerprint}",`;
    const textBase = `{"object":"text_completion","id":"","created":${created},`;
    const modelFields = `"model":${model},"system_fingerprint":"${fingerprint}"`;
    return {
      chunks: (choice, piece = noText) => {
        const { index, tally, end } = choice;
        if (generation.api === "completions") {
          const text = JSON.stringify(piece.text);
          if (end === undefined) {
            const open = `"choices":[{"index":${index},"text":${text},"logprobs":null,"finish_reason":""}]`;
            return { text: event(`${textBase}${open},${modelFields}}`) };
          }
          const finish = choice.omitFinish ? `""` : streamFinish(choice);
          const usage = usageHidden ? "" : `,"usage":${usageJson(tally)}`;
          const last = `"choices":[{"index":${index},"text":${text},"logprobs":null,"finish_reason":${finish}}]${usage}`;
          return { text: event(`${textBase}${modelFields},${last}}`) };
        }
        const logprobs = generation.logprobs
          ? JSON.stringify(chatLogprobs(piece.tokenTexts, (token) => ({ token, logprob: logprobOf(token) })))
          : "null";
        const usage = version === 2 && end !== undefined && includeUsage ? usageJson(tally) : "null";
        const delta = `{"role":"assistant",${deltaFields(piece, index)}}`;
        const finish = finishJson(choice);
        const body = `"index":${index},"delta":${delta},"logprobs":${logprobs},"finish_reason":${finish}`;
        return { text: event(`${chatBase}"choices":[{${body}}],"usage":${usage}}`) };
      },
      closing: (total) =>
        version === 3 && generation.api === "chat" && includeUsage
          ? event(`${chatBase}"choices":[],"usage":${usageJson(total)}}`)
          : undefined,
      done,
    };
  };
}

function wholeOf(fingerprint: string): Dialect["whole"] {
  return ({ api, model, characters }, { created }, choices, total) => {
    const message = (choice: WholeChoice) => {
      const calls = toolCalls(choice);
      return calls.length > 0
        ? { role: "assistant", tool_calls: calls }
        : { role: "assistant", content: choice.text };
    };
    const list = choices.map((choice) => ({
      index: choice.index,
      ...(api === "chat" ? { message: message(choice) } : { text: choice.text }),
      logprobs: null,
      finish_reason:
        api === "completions" && stopString(choice) !== null ? "stop_sequence" : choice.end.reason,
    }));
    const ms = (from: number, to: number) => Math.max(0, Math.round((to - from) / 1000));
    const totalMs = ms(total.receivedUs, total.lastTokenUs);
    const headers = [
      "x-compute-type: gpu+optimized",
      ...(api === "chat" ? [`x-compute-time: ${(total.lastTokenUs - total.receivedUs) / 1e6}`] : []),
      `x-compute-characters: ${characters}`,
      `x-total-time: ${totalMs}`,
      "x-validation-time: 0",
      `x-queue-time: ${ms(total.receivedUs, total.startedUs)}`,
      `x-inference-time: ${ms(total.startedUs, total.lastTokenUs)}`,
      `x-time-per-token: ${Math.round(ms(total.startedUs, total.lastTokenUs) / Math.max(1, total.outputTokens))}`,
      `x-prompt-tokens: ${total.promptTokens}`,
      `x-generated-tokens: ${total.outputTokens}`,
    ];
    const object = api === "chat" ? "chat.completion" : "text_completion";
    const fields = { object, id: "", created, model, system_fingerprint: fingerprint, choices: list };
    const body = `${JSON.stringify(fields).slice(0, -1)},"usage":${usageJson(total)}}`;
    return { status: 200, contentType: "application/json", headers, body };
  };
}

function tgiDialect(name: "tgi-2.4.1" | "tgi", version: 2 | 3, release: string, sha: string): Dialect {
  const fingerprint = `${release}-simulated`;
  const rules = rulesOf(version);
  return {
    name,
    head,
    upperCaseChunkSizes: true,
    headersWith: "acceptance",
    commentEveryMs: 15_000,
    prefixCache: { on: true, blockTokens: 1 },
    maxConcurrentRequests: 128,
    overloadMessage: "Model is overloaded",
    loading: [{ share: 1, refused: true }],
    shutdown: "drain",
    engineDeath: {
      streams: "error",
      message: "Request failed during generation: Server error: transport error",
      server: {
        health: { ...failure(503, "unhealthy", "healthcheck"), close: "announced" },
        message:
          "Request failed during generation: Server error: error trying to connect: Connection refused (os error 111)",
      },
    },
    textStyle: ({ api, stream }) => ({
      emptyEvents: true,
      ...(api === "completions" && stream ? { endText: "<|im_end|>" } : {}),
      stop: { match: "keep", where: "token-end", hold: "none", emptyWhileHeld: true, release: "joined" },
    }),
    identity: (_facts, _api, _request, created) => ({ id: "", choiceId: () => "", created }),
    read: (api: Api, body: Buffer, facts: ServerFacts) => readGeneration(api, body, facts, rules),
    stream: streamOf(version, fingerprint),
    errorEvent,
    streamHead: (characters) => ({
      contentType: "text/event-stream",
      headers: [
        "cache-control: no-cache",
        "x-compute-type: gpu+optimized",
        `x-compute-characters: ${characters}`,
        "x-accel-buffering: no",
      ],
    }),
    whole: wholeOf(fingerprint),
    failure: (status, message) => failure(status, message, status === 429 ? "overloaded" : "generation"),
    get: (path, facts, live) => {
      switch (path) {
        case "/":
        case "/health":
        case "/ping":
          return { status: 200, body: "" };
        case "/info":
          return {
            status: 200,
            contentType: "application/json",
            body: JSON.stringify(info(facts, release, sha)),
          };
        case "/v1/models": {
          const data = [{ id: facts.model, object: "model", created: 0, owned_by: facts.model }];
          return {
            status: 200,
            contentType: "application/json",
            body: JSON.stringify({ object: "list", data }),
          };
        }
        case "/metrics":
          return {
            status: 200,
            contentType: "text/plain; charset=utf-8",
            body: renderMetrics(live(), { labels: "", number: String, families: tgiFamilies }),
          };
        default:
          return undefined;
      }
    },
    notFound: (_method, _path, known) =>
      known ? { status: 405, headers: ["allow: POST"], body: "" } : { status: 404, body: "" },
  };
}

function info(facts: ServerFacts, version: string, sha: string): Fields {
  return {
    model_id: facts.model,
    model_sha: null,
    model_pipeline_tag: null,
    max_concurrent_requests: facts.maxConcurrentRequests,
    max_best_of: 2,
    max_stop_sequences: 4,
    max_input_tokens: facts.contextLength - 1,
    max_total_tokens: facts.contextLength,
    validation_workers: 2,
    max_client_batch_size: 4,
    router: "text-generation-router",
    version,
    sha,
    docker_label: null,
  };
}

/** TGI 2.4.1, as recorded. */
export const tgi241 = tgiDialect("tgi-2.4.1", 2, "2.4.1", "d2ed52f531cf8098ca62375248e007022eaadc65");
/** TGI 3.3.7 (which reports itself as 3.3.6-dev0), as recorded. */
export const tgi = tgiDialect("tgi", 3, "3.3.6-dev0", "dfb3fbe7");
