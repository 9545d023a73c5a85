import { variables } from "./flags.ts";
import { openai } from "./openai.ts";
import type { EngineSpec, RequestDialect } from "./spec.ts";
import { isAtLeast } from "./versions.ts";

const dialect: RequestDialect = {
  ...openai,
  name: "nim",
  ignoreEos: "top-level",
  endTokenCounted: true,
};

/** Before 1.14, `ignore_eos` is understood only inside `nvext`; 2.x no longer knows `nvext`. */
const dialect18: RequestDialect = { ...dialect, name: "nim-1.8", ignoreEos: "nvext" };

/** 2.x is a redesign: one engine an image, the engine's own metric names. */
const isV2 = (version: string | undefined) => isAtLeast(version, "2");
/** From 1.11 there is an image for any model; before, each model had one of its own. */
const isForAnyModel = (version: string | undefined) => isAtLeast(version, "1.11");

export const nim: EngineSpec = {
  kind: "nim",
  title: "NVIDIA NIM",
  homepage: "https://docs.nvidia.com/nim/large-language-models",
  settings: ["contextLength", "tensorParallel", "prefixCache"],
  // Building a TensorRT-LLM engine on the machine takes many minutes; NVIDIA's own chart allows 30.
  defaultStartTimeoutSeconds: 1800,
  defaultStopTimeoutSeconds: 60,
  readiness: () => ({ path: "/v1/health/ready", timeoutSeconds: 10 }),
  dialect: (version) => (isAtLeast(version, "1.14") ? dialect : dialect18),
  metrics: {
    path: "/v1/metrics",
    names: {
      requestsRunning: ["num_requests_running", "vllm:num_requests_running"],
      requestsWaiting: ["num_requests_waiting", "vllm:num_requests_waiting"],
      cacheUsageShare: ["gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"],
      preemptionsTotal: ["vllm:num_preemptions_total"],
      promptTokensTotal: ["prompt_tokens_total", "vllm:prompt_tokens_total"],
      generationTokensTotal: ["generation_tokens_total", "vllm:generation_tokens_total"],
      prefixCacheQueriesTotal: ["vllm:prefix_cache_queries_total"],
      prefixCacheHitsTotal: ["vllm:prefix_cache_hits_total"],
    },
  },
  // Everything is set by environment.
  args: () => [],
  env: ({ modelPath, servedName, settings, version }) =>
    variables({
      NIM_SERVED_MODEL_NAME: servedName,
      NIM_SERVER_PORT: "{port}",
      ...(modelPath === "" ? {} : modelEnv(modelPath, servedName, version)),
      NIM_MAX_MODEL_LEN: settings.contextLength,
      NIM_TENSOR_PARALLEL_SIZE: settings.tensorParallel,
      ...prefixCacheEnv(settings.prefixCache, version),
    }),
  environment: ["NIM_"],
  // The simulator has no NIM but that of the documentation: 2.x serves the API of the engine inside.
  simulatedAs: "nim-1.8",
  container: {
    newest: "2.1.5",
    image: (version) => {
      if (!isForAnyModel(version)) return undefined;
      return `nvcr.io/nim/nvidia/${isV2(version) ? "model-free-nim" : "llm-nim"}:${version}`;
    },
    command: (version) => (isV2(version) ? ["nim-serve"] : ["/opt/nim/start-server.sh"]),
    isEntryPoint: true,
    port: 8000,
    user: { uid: 1000, gid: 1000 },
    readOnlyRoot: false,
    writable: [{ path: "/opt/nim/.cache", medium: "disk" }],
    env: { NIM_CACHE_PATH: "/opt/nim/.cache" },
    // To build an engine it holds the weights in memory.
    resources: { cpu: 4, memoryGi: 48, sharedMemory: "16Gi" },
    startTimeoutSeconds: 3600,
    alive: () => "/v1/health/live",
  },
};

/** A folder in Hugging Face format. The images of one model build an engine from it, and cache it under its name. */
function modelEnv(
  modelPath: string,
  servedName: string,
  version: string | undefined,
): Record<string, string | number> {
  if (isV2(version)) return { NIM_MODEL_PATH: modelPath, NIM_DISABLE_MODEL_DOWNLOAD: 1 };
  if (isForAnyModel(version)) return { NIM_MODEL_NAME: modelPath };
  return { NIM_FT_MODEL: modelPath, NIM_CUSTOM_MODEL_NAME: servedName };
}

/** 2.x has no variable of its own for it: it hands these words to the engine inside. */
function prefixCacheEnv(wanted: boolean | undefined, version: string | undefined): Record<string, string> {
  if (wanted === undefined) return {};
  if (isV2(version)) return wanted ? {} : { NIM_PASSTHROUGH_ARGS: "--no-enable-prefix-caching" };
  return { NIM_ENABLE_KV_CACHE_REUSE: wanted ? "1" : "0" };
}
