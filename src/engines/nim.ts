import { variables } from "./flags.ts";
import type { EngineSpec, RequestDialect } from "./spec.ts";
import { isAtLeast } from "./versions.ts";

const dialect: RequestDialect = {
  name: "nim",
  model: "served-name",
  maxTokensField: { chat: "max_tokens", completions: "max_tokens" },
  ignoreEos: "top-level",
  minTokens: false,
  streamOptions: { includeUsage: true, continuousUsage: false },
  seed: true,
  endTokenCounted: true,
  closesAfterStream: false,
  maxIdleMs: 4000,
};

/** Before 1.14, `ignore_eos` is understood only inside `nvext`; 2.x no longer knows `nvext`. */
const dialect18: RequestDialect = { ...dialect, name: "nim-1.8", ignoreEos: "nvext" };

/** 2.x is a redesign: one engine an image, the engine's own metric names. */
const isV2 = (version: string | undefined) => isAtLeast(version, "2");

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
      promptTokensTotal: ["prompt_tokens_total", "vllm:prompt_tokens_total"],
      generationTokensTotal: ["generation_tokens_total", "vllm:generation_tokens_total"],
    },
  },
  // Everything is set by environment.
  args: () => [],
  env: ({ modelPath, servedName, settings, version }) =>
    variables({
      NIM_SERVED_MODEL_NAME: servedName,
      NIM_SERVER_PORT: "{port}",
      ...(isV2(version)
        ? { NIM_MODEL_PATH: modelPath, NIM_DISABLE_MODEL_DOWNLOAD: 1 }
        : { NIM_MODEL_NAME: modelPath }),
      NIM_MAX_MODEL_LEN: settings.contextLength,
      NIM_TENSOR_PARALLEL_SIZE: settings.tensorParallel,
      ...prefixCacheEnv(settings.prefixCache, version),
    }),
};

/** 2.x has no variable of its own for it: it hands these words to the engine inside. */
function prefixCacheEnv(wanted: boolean | undefined, version: string | undefined): Record<string, string> {
  if (wanted === undefined) return {};
  if (isV2(version)) return wanted ? {} : { NIM_PASSTHROUGH_ARGS: "--no-enable-prefix-caching" };
  return { NIM_ENABLE_KV_CACHE_REUSE: wanted ? "1" : "0" };
}
