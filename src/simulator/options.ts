import { z } from "zod";
import { SimulatorProfile } from "../config/plan.ts";

/** Server whose dialect is spoken. `nim-1.8` is made from documentation, the rest from captures or source. */
export const SimulatorDialect = z.enum([
  "vllm-0.6.4",
  "vllm",
  "sglang-0.4.7",
  "sglang",
  "tgi-2.4.1",
  "tgi",
  "nim-1.8",
  "llamacpp",
  "llama-cpp-python",
  "transformers-serve",
]);
export type SimulatorDialect = z.infer<typeof SimulatorDialect>;

const count = z.number().int().nonnegative();
const share = z.number().min(0).max(1);

/** What may be done to one answer. Chunks are counted from 0 over the events of a stream that carry text. */
export const Effects = z.strictObject({
  // The answer's text.
  /** Exact texts of the first tokens ("" is a token that completes no character), then the end or made-up words. */
  script: z.strictObject({ tokens: z.array(z.string()), end: z.enum(["eos", "length"]) }).optional(),
  /** Ends early with `stop`: at each token from `minTokens` on with this probability, unless length is forced. */
  naturalStop: z.strictObject({ probability: share, minTokens: count.default(1) }).optional(),
  /** Share of tokens with characters of several bytes. */
  multiByte: share.optional(),
  /** Share of characters that take three tokens, of which only the last has text. */
  splitCharacters: share.optional(),
  /** Tokens in one event: every so many, drawn evenly. */
  tokensPerChunk: z.strictObject({ min: count.min(1), max: count.min(1) }).optional(),
  /** The first tokens of a chat answer are reasoning, in this field of the delta. */
  reasoning: z
    .strictObject({
      tokens: count.min(1),
      field: z.enum(["reasoning_content", "reasoning"]).default("reasoning_content"),
    })
    .optional(),
  /** A chat answer is one tool call: name, then arguments token by token. */
  toolCall: z.strictObject({ name: z.string() }).optional(),
  /** `dialect`: as asked for and as the engine does it. */
  usage: z.enum(["dialect", "never", "always", "continuous"]).optional(),
  /** The stream never says why it ended. */
  omitFinish: z.boolean().optional(),

  // How its bytes travel.
  /** Cuts the bytes of each write at random places, also inside UTF-8 and chunk headers; pieces go out `gapMs` apart. */
  split: z
    .strictObject({
      pieces: z.union([count.min(2), z.literal("every-byte")]),
      gapMs: z.number().nonnegative().default(1),
    })
    .optional(),
  /** Each event is spread over this many HTTP chunks, cut at random bytes. */
  httpChunks: count.min(2).optional(),
  /** So many events go out in one write. */
  coalesce: count.min(2).optional(),
  lineEnd: z.enum(["lf", "crlf", "cr"]).optional(),
  /** Adds what server-sent events allow: comments, `event:` and `id:` fields, `data:` without a space. */
  decorate: z.boolean().optional(),
  /** A comment whenever nothing was sent for so long. */
  commentEveryMs: z.number().positive().optional(),
  /** Adds `"sim":{"i":request,"c":chunk,"t":microseconds}` to each event. */
  stamp: z.boolean().optional(),

  // Faults of one request.
  /** Answers with this status and, where given, Retry-After. */
  reject: z
    .strictObject({
      status: z.number().int().min(400).max(599),
      retryAfterSeconds: z.number().positive().optional(),
    })
    .optional(),
  /** Headers come so late. */
  slowHeadersMs: z.number().positive().optional(),
  /** No byte for so long once `afterChunk` chunks are out; what was due meanwhile follows at once. */
  silence: z.strictObject({ afterChunk: count, ms: z.number().positive() }).optional(),
  /** No byte ever again once `afterChunk` chunks are out; without it the request is never answered at all. */
  hang: z.strictObject({ afterChunk: count.optional() }).optional(),
  /** TCP reset 10 ms after `afterChunk` chunks are out. */
  reset: z.strictObject({ afterChunk: count }).optional(),
  /** Ends early without a finish reason: connection closed, with or without [DONE] and the last HTTP chunk before. */
  cut: z
    .strictObject({
      afterChunk: count,
      done: z.boolean().default(false),
      lastHttpChunk: z.boolean().default(false),
    })
    .optional(),
  /** The engine's own error event in the 200 stream. */
  streamError: z
    .strictObject({ afterChunk: count, message: z.string().default("simulated failure") })
    .optional(),
  /** Not an answer: events that are no JSON, a web page, bytes that are no HTTP, or random bytes as the body. */
  garbage: z.enum(["json", "html", "http", "binary"]).optional(),
  /** The connection closes after this answer, announced by a header or not. */
  close: z.enum(["announced", "silent"]).optional(),
});
export type Effects = z.infer<typeof Effects>;

/** Which generation requests, numbered from 0 as they arrive. All that is given must hold; none: every request. */
export const When = z.strictObject({
  indices: z.array(count).optional(),
  from: count.optional(),
  to: count.optional(),
  every: count.min(1).optional(),
  /** Seeded: the same requests each time. */
  probability: share.optional(),
});
export type When = z.infer<typeof When>;

export const Behaviour = z.strictObject({
  /** Effects of every request. */
  always: Effects.optional(),
  /** Effects of some requests; where several rules match, later ones win field by field. */
  rules: z.array(z.strictObject({ when: When, effects: Effects })).optional(),
  /** Connections close after so many answers, announced by a header or not; replaces the engine's own limit. */
  closeAfterRequests: z
    .strictObject({ requests: count.min(1), announced: z.boolean().default(true) })
    .optional(),
  /** Requests the engine takes at once; more are refused as the engine does it (TGI's default is 128). */
  maxConcurrentRequests: count.min(1).optional(),
  /** Paths under /v1 answer 401 to who does not send `authorization: Bearer <key>`; health checks stay open. */
  apiKey: z.string().min(1).optional(),
  /** Prompts share their computed prefix (default: as the engine's own default). */
  prefixCache: z.boolean().optional(),
  process: z
    .strictObject({
      exitWhileLoading: z
        .strictObject({
          afterMs: z.number().nonnegative(),
          status: count.default(1),
          message: z.string().default("simulated failure while loading"),
        })
        .optional(),
      neverReady: z.boolean().optional(),
      /** The whole process ends, at the first limit reached. */
      exit: z
        .strictObject({
          afterRequests: count.min(1).optional(),
          afterChunks: count.min(1).optional(),
          status: count.default(1),
          message: z.string().default("simulated crash"),
        })
        .optional(),
      /** The engine behind the HTTP server dies, as its dialect shows it: error events, silence or closed connections. */
      engineDies: z.strictObject({ afterChunks: count.min(1) }).optional(),
      ignoreSigterm: z.boolean().optional(),
      /** Memory that each request leaves behind and nothing frees: until the container's limit ends the process. */
      leak: z.strictObject({ mebibytesPerRequest: count.min(1) }).optional(),
    })
    .optional(),
});
export type Behaviour = z.infer<typeof Behaviour>;

export const SimulatorOptions = z.strictObject({
  dialect: SimulatorDialect,
  host: z.string().default("127.0.0.1"),
  /** 0: a free one. */
  port: z.number().int().min(0).max(65535).default(0),
  /** Name under which it serves. */
  model: z.string().default("simulated"),
  contextLength: count.min(16).default(8192),
  profile: SimulatorProfile,
  behaviour: Behaviour.default({}),
  seed: z.number().int().default(1),
  /** Truth as ndjson, written on the way and complete at the end. */
  truthFile: z.string().optional(),
});
export type SimulatorOptions = z.infer<typeof SimulatorOptions>;
