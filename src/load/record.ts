/**
 * What is written of each request: `requests.ndjson.gz`, a header line and a line a request. Times are whole
 * microseconds since the header's clock. Fields are only ever added.
 */
export interface RecordHeader {
  readonly schemaVersion: 1;
  readonly point: string;
  readonly load: LoadSetting;
  readonly seed: number;
  readonly clock: { readonly epochMs: number; readonly hrtimeNs: string };
  readonly client: {
    readonly version: string;
    readonly transport: string;
    readonly node: string;
    readonly workers: number;
  };
  /** What must be known of the server's dialect to read the records. */
  readonly dialect?: {
    readonly name: string;
    /** The engine counts an end token that has no text: one token less for TPOT when `finish` is "stop". */
    readonly endTokenCounted: boolean;
  };
  /** True when the server is the simulator. */
  readonly simulated?: boolean;
}

/** One load setting. Exactly one of `concurrency` and `ratePerSecond` decides when requests start. */
export interface LoadSetting {
  readonly arrival: "closed" | "constant" | "poisson";
  /** Closed loop: requests in flight. Open loop: absent. */
  readonly concurrency?: number;
  /** Open loop: offered requests a second. */
  readonly ratePerSecond?: number;
  /** Open loop: cap on requests in flight; what is due beyond it waits, and the wait is in user latency. */
  readonly maxConcurrency?: number;
  /** Prompt length in tokens, where the config asks for one. */
  readonly inputTokens?: number;
  /** Output length asked for, tokens. */
  readonly outputTokens: number;
  /** What the server's prefix cache may hold: src/load/cache-contract.ts reads it, and what its absence means. */
  readonly cache?: string;
  /** How long: by number of requests or by time. */
  readonly requests?: number;
  readonly durationSeconds?: number;
  /**
   * Goes on until the means are as precise as this (half an interval's width / mean): `requests` and `durationSeconds` are
   * then the most of each.
   */
  readonly precision?: number;
  /**
   * Shares of the schedule at its start and its end whose requests do not count: they meet a server that fills or empties.
   * At the end at least one median E2E. Absent: an open loop's ramp is a tenth, and nothing is left out at the end.
   */
  readonly trim?: [start: number, end: number];
}

export interface RequestRecord {
  readonly i: number;
  readonly worker: number;
  /** `ramp`: before the window's load is reached. Which requests count is decided in src/results from all times. */
  readonly phase: "ramp" | "measured";
  readonly connection: { readonly reused: boolean; readonly connectUs?: number };
  readonly scheduledUs: number;
  /** Absent when the request never reached a socket. */
  readonly sentUs?: number;
  readonly headersUs?: number;
  readonly firstByteUs?: number;
  /** First chunk that only names the role. */
  readonly roleUs?: number;
  /** First generated text: answer, reasoning, or a tool call's name or arguments; non-empty. */
  readonly firstTextUs?: number;
  /** First text of the answer itself (not reasoning). */
  readonly firstAnswerUs?: number;
  readonly lastTextUs?: number;
  readonly usageUs?: number;
  readonly endUs: number;
  /**
   * Only reads that carried generated text. `gapsUs[0]` is 0 (the first such read, at `firstTextUs`), then the
   * gap from the read before; `chunks` and `bytes`: generated-text chunks, and bytes of generated text (UTF-8), in each.
   */
  readonly reads: {
    readonly gapsUs: readonly number[];
    readonly chunks: readonly number[];
    readonly bytes: readonly number[];
  };
  readonly tokens: {
    readonly prompt?: number;
    readonly output?: number;
    readonly cached?: number;
    /** Tokens in the first chunk, where the server says. */
    readonly firstChunk?: number;
    /** Tokens of each chunk with generated text, where the server says (continuous usage, token ids, logprobs). */
    readonly perChunk?: readonly number[];
  };
  readonly finish?: string;
  /** HTTP status, once headers came. */
  readonly status?: number;
  /** The stream said `[DONE]`. Not proof of a whole answer (llama-cpp-python cuts streams and still says it). */
  readonly done?: boolean;
  /** Only when asked for (`--save-text`). */
  readonly text?: {
    readonly answer: string;
    readonly reasoning?: string;
    readonly toolCalls?: readonly string[];
  };
  /** The server's own timings, where it sends them (llama.cpp), milliseconds. */
  readonly serverTimings?: {
    readonly promptMs: number;
    readonly promptTokens: number;
    readonly predictedMs: number;
    readonly predictedTokens: number;
    readonly cachedTokens?: number;
  };
  readonly error?: {
    readonly kind: RequestErrorKind;
    readonly message: string;
    readonly retryAfterSeconds?: number;
  };
}

type RequestErrorKind =
  | "refused"
  | "connect"
  | "reset"
  | "protocol"
  | "timeout"
  | "cancelled"
  | "http" // status other than 2xx
  | "stream" // an error object inside a 200 stream
  | "truncated" // the stream ended without a finish reason (nor usage that accounts for the end)
  | "empty" // a 200 answer without any generated text where some was due
  | "garbage"; // what came is not what the API describes
