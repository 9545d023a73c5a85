import type { EngineKind } from "../config/plan.ts";
import { EngineKind as EngineKindSchema } from "../config/plan.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { saysSimulated } from "../simulated-header.ts";
import { dialectFor } from "./index.ts";
import type { RequestDialect } from "./spec.ts";

/** GET on the server's base URL (without /v1). Rejects when nobody answers. Header names are lower case. */
export type Get = (path: string) => Promise<{
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}>;

export const dialectOptions = ["auto", ...EngineKindSchema.options, "openai"] as const;
export type DialectOption = (typeof dialectOptions)[number];

interface ServedModel {
  readonly id: string;
  /** Longest prompt + output, tokens, where the server says. */
  readonly maxLength?: number;
}

export interface DetectedServer {
  readonly engine: string;
  readonly version?: string;
  readonly dialect: RequestDialect;
  /** What /v1/models lists; empty where it lists nothing or has no such path. */
  readonly models: readonly ServedModel[];
  /** What the server says of itself, for the record; never a key. */
  readonly reported: Readonly<Record<string, unknown>>;
  /** It says that it is a simulator: whatever is measured says nothing about any engine. */
  readonly simulated: boolean;
}

interface Recognised {
  readonly version?: string;
  readonly reported: Readonly<Record<string, unknown>>;
}

/** What /v1/models said, for the recognisers. */
interface ModelList {
  readonly ownedBy: readonly string[];
  readonly serverHeader: string;
  readonly simulated: boolean;
  readonly models: readonly ServedModel[];
}

type Recogniser = (get: Get, list: ModelList) => Promise<Recognised | undefined>;

/**
 * Asks a server what it is. `auto` tries each engine's own paths, the least ambiguous first, and falls back to plain
 * OpenAI; a named engine is only asked for its version. Rejects as `get` does when nobody answers, and with
 * SERVER_UNAUTHORIZED when the server wants a key.
 */
export async function detectServer(get: Get, option: string): Promise<DetectedServer> {
  const list = await readModels(get);
  const candidates = option === "auto" ? order : order.filter((engine) => engine === option);
  for (const engine of candidates) {
    const found = await recognisers[engine](get, list);
    if (found !== undefined) return detected(engine, list, found);
  }
  return detected(option === "auto" ? "openai" : option, list, { reported: {} });
}

/** The model to ask for: the wanted one, else the only one. Errors list what the server has. */
export function chooseModel(server: Pick<DetectedServer, "models">, url: string, wanted?: string): string {
  const ids = server.models.map((model) => model.id);
  if (wanted !== undefined) {
    if (ids.length === 0 || ids.includes(wanted)) return wanted;
    throw new LlmbenchError("BENCH_UNKNOWN_MODEL", `${url} does not serve a model "${wanted}".`, {
      exitStatus: ExitStatus.usage,
      hint: `It serves ${ids.map((id) => `"${id}"`).join(", ")}: choose one with --model.`,
    });
  }
  const [only, ...others] = ids;
  if (only === undefined) {
    throw new LlmbenchError("BENCH_NO_MODEL", `${url}/v1/models lists no model.`, {
      exitStatus: ExitStatus.usage,
      hint: "Name the model with --model.",
    });
  }
  if (others.length > 0) {
    throw new LlmbenchError("BENCH_SEVERAL_MODELS", `${url} serves ${ids.length} models.`, {
      exitStatus: ExitStatus.usage,
      hint: "Choose one with --model.",
      details: ids,
    });
  }
  return only;
}

function detected(engine: string, list: ModelList, found: Recognised): DetectedServer {
  return {
    engine,
    ...(found.version === undefined ? {} : { version: found.version }),
    dialect: dialectFor(engine, found.version),
    models: list.models,
    reported: found.reported,
    simulated: list.simulated,
  };
}

// NIM and TGI wrap other engines or names, so they are asked before the ones they may look like.
const order: readonly EngineKind[] = ["llamacpp", "tgi", "nim", "sglang", "trtllm", "lmdeploy", "vllm"];

const recognisers: Readonly<Record<EngineKind, Recogniser>> = {
  llamacpp: async (get, list) => {
    const props = await getObject(get, "/props");
    const named = list.serverHeader === "llama.cpp" || list.ownedBy.includes("llamacpp");
    if (!named && !("build_info" in props && "total_slots" in props)) return undefined;
    const build = textOf(props["build_info"]);
    return {
      // A build outside of a git checkout says "b0-unknown".
      ...(build === undefined || build.startsWith("b0-") ? {} : { version: build }),
      reported: pick(props, ["build_info", "total_slots", "model_alias", "model_ftype", "model_path"]),
    };
  },
  tgi: async (get) => {
    const info = await getObject(get, "/info");
    if (info["router"] !== "text-generation-router" && !("max_total_tokens" in info && "model_id" in info)) {
      return undefined;
    }
    return versioned(info["version"], info);
  },
  nim: async (get) => {
    const version = await getObject(get, "/v1/version");
    const metadata = await getObject(get, "/v1/metadata");
    if (!("release" in version) && !("modelInfo" in metadata)) return undefined;
    return versioned(
      version["release"] ?? metadata["version"],
      pick({ ...version, ...metadata }, ["release", "api", "version", "modelInfo", "selectedModelProfileId"]),
    );
  },
  sglang: async (get, list) => {
    const old = await getObject(get, "/get_server_info");
    const info = "model_path" in old ? old : await getObject(get, "/server_info");
    if (!("model_path" in info) && !list.ownedBy.includes("sglang")) return undefined;
    return versioned(info["version"], pick(info, sglangFields));
  },
  trtllm: async (get, list) => {
    if (!list.ownedBy.includes("tensorrt_llm")) return undefined;
    const version = await getObject(get, "/version");
    return versioned(version["version"], version);
  },
  // It has no path that says its version.
  lmdeploy: async (_get, list) => (list.ownedBy.includes("lmdeploy") ? { reported: {} } : undefined),
  vllm: async (get, list) => {
    const version = await getObject(get, "/version");
    if (!("version" in version) && !list.ownedBy.includes("vllm")) return undefined;
    return versioned(version["version"], version);
  },
};

/** Its own dump of every argument holds API keys too, so only these are kept. */
const sglangFields = [
  "version",
  "model_path",
  "dtype",
  "kv_cache_dtype",
  "quantization",
  "context_length",
  "mem_fraction_static",
  "max_running_requests",
  "max_total_num_tokens",
  "chunked_prefill_size",
  "max_prefill_tokens",
  "schedule_policy",
  "tp_size",
  "dp_size",
  "attention_backend",
  "sampling_backend",
  "disable_radix_cache",
  "disable_cuda_graph",
  "disable_overlap_schedule",
  "cuda_graph_max_bs",
  "speculative_algorithm",
  "stream_interval",
];

function versioned(version: unknown, reported: Readonly<Record<string, unknown>>): Recognised {
  const text = textOf(version);
  return text === undefined ? { reported } : { version: text, reported };
}

async function readModels(get: Get): Promise<ModelList> {
  const answer = await get("/v1/models");
  if (answer.status === 401 || answer.status === 403) {
    throw new LlmbenchError("SERVER_UNAUTHORIZED", `The server refused /v1/models (HTTP ${answer.status}).`, {
      hint: "Give the variable that holds its key with --api-key-env NAME.",
    });
  }
  const data = answer.status === 200 ? parseObject(answer.text)["data"] : undefined;
  const entries = Array.isArray(data) ? data.filter(isObject) : [];
  return {
    serverHeader: answer.headers["server"] ?? "",
    simulated: saysSimulated(answer.headers),
    ownedBy: entries.flatMap((entry) => textOf(entry["owned_by"]) ?? []),
    models: entries.flatMap((entry) => {
      const id = textOf(entry["id"]);
      const maxLength =
        entry["max_model_len"] ?? (isObject(entry["meta"]) ? entry["meta"]["n_ctx"] : undefined);
      if (id === undefined) return [];
      return [typeof maxLength === "number" ? { id, maxLength } : { id }];
    }),
  };
}

/** The object that a path answers; empty for any other answer, since most servers lack most of these paths. */
async function getObject(get: Get, path: string): Promise<Record<string, unknown>> {
  try {
    const answer = await get(path);
    return answer.status === 200 ? parseObject(answer.text) : {};
  } catch {
    return {};
  }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function pick(from: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]));
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
