import type { Piece, TextStyle } from "../answer.ts";
import type { Head, HttpAnswer } from "../http.ts";
import type { LiveMetrics } from "../metrics.ts";
import type { SimulatorDialect } from "../options.ts";

export type Api = "chat" | "completions";

/** What a dialect knows of the server it speaks for. */
export interface ServerFacts {
  readonly model: string;
  readonly contextLength: number;
  /** Requests worked on at once. */
  readonly maxBatch: number;
  readonly maxConcurrentRequests: number;
  readonly host: string;
  readonly port: number;
  readonly seed: number;
}

/** A generation request that was accepted, all defaults filled in. */
export interface Generation {
  readonly api: Api;
  /** Name the answer carries. */
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly continuousUsage: boolean;
  /** No usage at all, also where the server always sends it (an effect, never a request's wish). */
  readonly usageHidden: boolean;
  /** One entry a prompt of a batch, usually one. */
  readonly prompts: readonly Prompt[];
  /** Choices of each prompt. */
  readonly choicesPerPrompt: number;
  readonly maxTokens: number;
  readonly minTokens: number;
  readonly ignoreEnd: boolean;
  readonly stops: readonly string[];
  readonly logprobs: boolean;
  readonly returnTokenIds: boolean;
  /** False where the request switched the prefix cache off (llama.cpp `cache_prompt`). */
  readonly cachePrompt: boolean;
  /** Characters of the prompt as TGI counts them. */
  readonly characters: number;
}

export interface Prompt {
  /** What made-up words and the prefix cache go by. */
  readonly text: string;
  readonly pieces: readonly string[];
}

/** A request that is refused: in its own words, and in the stream where the server does that. */
export interface Refusal {
  readonly answer: HttpAnswer;
  /** With `stream: true`: 200 and this event, then [DONE], instead; "" is an empty body and a closed connection. */
  readonly inStream?: string;
  /** The request asked for a stream. */
  readonly streamed?: boolean;
  /** The server dies of it: not a byte comes back (SGLang 0.4.7's empty prompt). */
  readonly fatal?: boolean;
}

/** Numbers of one answer as they stand; times in microseconds of the timeline. */
export interface Tally {
  promptTokens: number;
  cachedTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  receivedUs: number;
  startedUs: number;
  firstTokenUs: number;
  lastTokenUs: number;
}

/** What an event or answer of one choice is made from. */
export interface ChoiceView {
  readonly index: number;
  readonly tally: Tally;
  /** Characters sent before this piece, for text offsets. */
  readonly offset: number;
  /** Nothing was sent for this choice before. */
  readonly first: boolean;
  /** Set with the choice's last event. */
  readonly end?: {
    readonly reason: string;
    readonly by?: { readonly end: true } | { readonly stop: string };
  };
  /** With the last event of the last choice. */
  readonly allEnded: boolean;
  readonly omitFinish: boolean;
}

export interface AnswerIdentity {
  readonly id: string;
  /** An id for one choice, where the server gives each its own. */
  readonly choiceId: (choice: number) => string;
  /** Seconds since the epoch. */
  readonly created: number;
}

/** What a piece of text becomes. Every string is the content of one HTTP chunk: one or more whole events. */
export interface PieceChunks {
  /** The role and the like. */
  readonly before?: string | undefined;
  /** The chunk that carries the text. */
  readonly text?: string | undefined;
  /** Why the choice ended, where that is an event of its own. */
  readonly after?: string | undefined;
}

/** One stream in a server's words. */
export interface StreamForm {
  /** Before the first token. */
  readonly opening?: string;
  /** `piece` is undefined when the choice ended without a further one. When `choice.end` is set it says why it ended. */
  chunks(choice: ChoiceView, piece: Piece | undefined): PieceChunks;
  /** After all choices ended: usage and the like. */
  closing(total: Tally): string | undefined;
  /** [DONE], where the server says it. */
  readonly done?: string;
}

/** One choice of an answer that is not streamed. */
export interface WholeChoice {
  readonly index: number;
  readonly text: string;
  readonly reasoning: string;
  readonly tool?: { readonly name: string; readonly arguments: string };
  readonly end: { readonly reason: string; readonly by?: { readonly end: true } | { readonly stop: string } };
  readonly tokenTexts: readonly string[];
  readonly tally: Tally;
}

/** What the server shows while it loads, and for how much of the loading time. */
interface LoadingPhase {
  /** Share of the loading time. */
  readonly share: number;
  /** Nobody listens. */
  readonly refused: boolean;
  /** Answer to a request by path; undefined: as when ready, but generations wait for the end of loading. */
  readonly answer?: (path: string) => HttpAnswer | undefined;
}

/** How one server speaks. */
export interface Dialect {
  readonly name: SimulatorDialect;
  /** A response's head, with the empty line that ends it. */
  readonly head: (head: Head) => string;
  readonly upperCaseChunkSizes?: boolean;
  /** A request is answered with headers at once, or together with its first event. */
  readonly headersWith: "acceptance" | "first-event";
  /** An idle connection is closed after so long; absent: not in sight. */
  readonly idleMs?: number;
  /** Also before its first request. */
  readonly idleFromStart?: boolean;
  /** Connections are closed, and say so, with this many answers. */
  readonly requestsPerConnection?: number;
  readonly closesAfterStream?: boolean;
  readonly commentEveryMs?: number;
  readonly prefixCache: { readonly on: boolean; readonly blockTokens: number };
  /** Default of the server; undefined: it queues without bound. */
  readonly maxConcurrentRequests?: number;
  /** A new request ends the stream that runs (llama-cpp-python): [DONE], no finish reason, no last HTTP chunk. */
  readonly newRequestCutsStream?: boolean;
  /** An unstreamed answer goes on when its client has left. */
  readonly unstreamedRunsOn?: boolean;
  readonly loading: readonly LoadingPhase[];
  /** SIGTERM: let running requests end, cut their connections, or send each an error. */
  readonly shutdown: "drain" | "cut" | "error";
  /** What shows when the engine behind the HTTP server dies. */
  readonly engineDeath: {
    readonly streams: "error" | "close" | "hang";
    readonly message: string;
    /** The HTTP server follows; or it stays and answers this. */
    readonly server: "exits" | { readonly health: HttpAnswer | undefined; readonly message: string };
  };

  readonly textStyle: (generation: Generation) => TextStyle;
  readonly identity: (facts: ServerFacts, api: Api, request: number, created: number) => AnswerIdentity;
  readonly read: (api: Api, body: Buffer, facts: ServerFacts) => Generation | Refusal;
  readonly stream: (generation: Generation, identity: AnswerIdentity) => StreamForm;
  /** An error in a stream. */
  readonly errorEvent: (message: string) => string;
  /** Headers of a stream, and content type; `characters` of the prompt. */
  readonly streamHead: (characters: number) => Required<Pick<Head, "contentType" | "headers">>;
  readonly whole: (
    generation: Generation,
    identity: AnswerIdentity,
    choices: readonly WholeChoice[],
    total: Tally,
  ) => HttpAnswer;
  /** Any failure that is the server's own: overload, death, a simulated status. */
  readonly failure: (status: number, message: string) => HttpAnswer;
  /** Message of `failure(429)` when `maxConcurrentRequests` is exceeded. */
  readonly overloadMessage?: string;
  /** GET requests; undefined: not found. */
  readonly get: (path: string, facts: ServerFacts, live: () => LiveMetrics) => HttpAnswer | undefined;
  readonly notFound: (method: string, path: string, known: boolean) => HttpAnswer;
}
