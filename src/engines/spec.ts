import type { EngineSettings } from "../config/plan.ts";
import type { ContainerSpec, ReadinessProbe } from "../servers/server.ts";

/** All that the product knows of one engine: data and small functions. One file an engine. */
export interface EngineSpec {
  readonly kind: string;
  readonly title: string;
  readonly homepage: string;
  /** Settings of the plan that this engine has; others are a config error. */
  readonly settings: readonly (keyof EngineSettings)[];
  readonly defaultStartTimeoutSeconds: number;
  readonly defaultStopTimeoutSeconds: number;
  readonly readiness: (version: string | undefined) => ReadinessProbe;
  readonly dialect: (version: string | undefined) => RequestDialect;
  readonly metrics: EngineMetrics;
  /** The engine's own arguments for settings, model and address (`{host}`, `{port}`), after the launch command. */
  readonly args: (launch: LaunchInput) => readonly string[];
  readonly env: (launch: LaunchInput) => Readonly<Record<string, string>>;
  /** Command that starts the server from a virtual environment's or PATH's python; absent where the engine has no local process. */
  readonly localCommand?: (python: string) => readonly string[];
  /** Names of the engine among Python's distributions; the first that is installed counts. */
  readonly distributions?: readonly string[];
  /** Beginnings of the names of variables that change what it does. */
  readonly environment: readonly string[];
  /** What a simulator of it speaks, where that is not its own dialect. */
  readonly simulatedAs?: DialectName;
  readonly container: EngineContainer;
}

/** An engine as its makers' image has it. Names of tags are as they were last seen: no registry was asked. */
export interface EngineContainer {
  /** What a config without a version gets; absent where the image's moving tag is that. */
  readonly newest?: string;
  /** Image of a version; undefined where none serves every model. */
  readonly image: (version: string | undefined, gpus: number) => string | undefined;
  /** Words that start the server, before its arguments. */
  readonly command: (version: string | undefined) => readonly string[];
  /** Whether the image starts with them by itself; then only arguments are given, which suits images of one's own. */
  readonly isEntryPoint: boolean;
  readonly port: number;
  /** A user that the image runs as; absent: root. */
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly readOnlyRoot: boolean;
  /** Folders for caches, and the variables that lead there. */
  readonly writable: ContainerSpec["writable"];
  readonly env: Readonly<Record<string, string>>;
  /** Where a config says nothing, for each GPU (once where there is none). */
  readonly resources: { readonly cpu: number; readonly memoryGi: number; readonly sharedMemory?: string };
  /** From when the pod has a node: pulling the image, loading, compiling. */
  readonly startTimeoutSeconds: number;
  /** Path that answers at once, without generating, as long as the server lives. */
  readonly alive: (version: string | undefined) => string;
  /** Further arguments on GPUs, where the engine sizes itself too small for the load. */
  readonly sizing?: (launch: LaunchInput) => readonly string[];
}

export interface LaunchInput {
  /** Empty where the engine brings its model. */
  readonly modelPath: string;
  readonly servedName: string;
  readonly settings: EngineSettings;
  /** Most requests that its load will have in flight at once. */
  readonly requestsInFlight: number;
  readonly version?: string;
}

/** What an engine says of itself while it works. */
export interface EngineMetrics {
  /** Path of its page in Prometheus' text format. */
  readonly path: string;
  /** Ours, by the engine's names: of several the first that its page has. */
  readonly names: Readonly<Partial<Record<ServerMetric, readonly string[]>>>;
  /** `computed`: its prompt tokens leave out those that came from its cache. */
  readonly promptTokens?: "all" | "computed";
  /** Its prefix cache keeps whole blocks of so many tokens. Default: 64, the largest that any has. */
  readonly cacheBlockTokens?: number;
  /** Significant digits of its counters, where it does not print them whole: large ones are rounded. */
  readonly counterDigits?: number;
}

export type ServerMetric =
  | "requestsRunning"
  | "requestsWaiting"
  | "cacheUsageShare"
  | "preemptionsTotal"
  | "promptTokensTotal"
  | "generationTokensTotal"
  | "prefixCacheQueriesTotal"
  | "prefixCacheHitsTotal";

/** How an engine wants to be asked. The allow-list decides which fields are sent: vLLM 0.6.4 rejects unknown ones. */
export interface RequestDialect {
  readonly name: DialectName | (string & {});
  /** `model` field: the served name, or a fixed word (TGI: "tgi"). */
  readonly model: "served-name" | { readonly fixed: string };
  readonly maxTokensField: {
    readonly chat: "max_tokens" | "max_completion_tokens";
    readonly completions: "max_tokens";
  };
  /** Where `ignore_eos` goes; null where the output length cannot be forced. */
  readonly ignoreEos: "top-level" | "nvext" | null;
  readonly minTokens: boolean;
  /** What `stream_options` may hold. `continuousUsage` is sent only where a request asks for it. */
  readonly streamOptions: { readonly includeUsage: boolean; readonly continuousUsage: boolean };
  readonly seed: boolean;
  /** `usage.completion_tokens` includes an end token that has no text when finish is "stop". */
  readonly endTokenCounted: boolean;
  /** Closes the connection after each streamed answer whatever its headers say (llama.cpp). */
  readonly closesAfterStream: boolean;
  /** A connection idle longer than this is not reused, ms. */
  readonly maxIdleMs: number;
}

export const dialectNames = [
  "vllm-0.6.4",
  "vllm",
  "sglang-0.4.7",
  "sglang",
  "tgi-2.4.1",
  "tgi",
  "nim-1.8",
  "nim",
  "trtllm",
  "lmdeploy",
  "llamacpp",
  "openai",
] as const;
export type DialectName = (typeof dialectNames)[number];

/** One generation asked of a server, engine-independent. */
export interface GenerationRequest {
  readonly api: "chat" | "completions";
  readonly servedName: string;
  readonly prompt: string | readonly { readonly role: string; readonly content: string }[];
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed?: number;
  readonly forceOutputLength: boolean;
  readonly stream: boolean;
  /** Token counts in every chunk, where the dialect has them. Makes the server do more: for warm-ups, not measurements. */
  readonly continuousUsage?: boolean;
  readonly extraBody: Readonly<Record<string, unknown>>;
}
