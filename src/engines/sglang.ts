import { flags, hubOffline } from "./flags.ts";
import { openai } from "./openai.ts";
import type { EngineSpec, RequestDialect } from "./spec.ts";
import { isAtLeast } from "./versions.ts";

const dialect: RequestDialect = {
  ...openai,
  name: "sglang",
  ignoreEos: "top-level",
  minTokens: true,
  streamOptions: { includeUsage: true, continuousUsage: true },
  endTokenCounted: true,
};

const dialect047: RequestDialect = {
  ...dialect,
  name: "sglang-0.4.7",
  streamOptions: { includeUsage: true, continuousUsage: false },
};

export const sglang: EngineSpec = {
  kind: "sglang",
  title: "SGLang",
  homepage: "https://docs.sglang.ai",
  settings: [
    "contextLength",
    "maxConcurrentRequests",
    "dtype",
    "tensorParallel",
    "gpuMemoryShare",
    "prefixCache",
  ],
  defaultStartTimeoutSeconds: 900,
  // It polls for SIGTERM every 5 s and then drains without bound.
  defaultStopTimeoutSeconds: 30,
  // /health of 0.4.7 is 200 before the warm-up is done; /health_generate runs a token, takes over 1 s and at most 20 s.
  readiness: () => ({ path: "/health_generate", timeoutSeconds: 25 }),
  dialect: (version) => (isAtLeast(version, "0.5") ? dialect : dialect047),
  metrics: {
    path: "/metrics",
    cacheBlockTokens: 1,
    names: {
      requestsRunning: ["sglang:num_running_reqs"],
      requestsWaiting: ["sglang:num_queue_reqs"],
      cacheUsageShare: ["sglang:token_usage"],
      // Not there before the first one; 0.4.7 has none. `num_retracted_reqs` is of the last batch alone.
      preemptionsTotal: ["sglang:num_retracted_requests_total"],
      promptTokensTotal: ["sglang:prompt_tokens_total"],
      generationTokensTotal: ["sglang:generation_tokens_total"],
      prefixCacheQueriesTotal: ["sglang:prompt_tokens_total"],
      prefixCacheHitsTotal: ["sglang:cached_tokens_total"],
    },
  },
  args: ({ modelPath, servedName, settings }) => [
    ...flags({
      "--model-path": modelPath,
      "--served-model-name": servedName,
      "--host": "{host}",
      "--port": "{port}",
      "--context-length": settings.contextLength,
      "--max-running-requests": settings.maxConcurrentRequests,
      "--dtype": settings.dtype,
      "--tp-size": settings.tensorParallel,
      "--mem-fraction-static": settings.gpuMemoryShare,
    }),
    "--enable-metrics",
    ...(settings.prefixCache === false ? ["--disable-radix-cache"] : []),
  ],
  env: () => ({ ...hubOffline, DO_NOT_TRACK: "1" }),
  localCommand: (python) => [python, "-m", "sglang.launch_server"],
  distributions: ["sglang"],
  environment: ["SGLANG_", "SGL_", "FLASHINFER_"],
  container: {
    newest: "0.5.23",
    image: (version) => `docker.io/lmsysorg/sglang:v${version}${isAtLeast(version, "0.5") ? "" : "-cu124"}`,
    command: () => ["python3", "-m", "sglang.launch_server"],
    isEntryPoint: false,
    port: 30000,
    readOnlyRoot: false,
    // Not ~/.cache: images carry kernels there that were made beforehand.
    writable: [{ path: "/cache", medium: "disk" }],
    env: { TRITON_CACHE_DIR: "/cache/triton", TORCHINDUCTOR_CACHE_DIR: "/cache/inductor" },
    resources: { cpu: 4, memoryGi: 24, sharedMemory: "16Gi" },
    startTimeoutSeconds: 1800,
    // Both of its /health paths generate a token in newer versions.
    alive: (version) => (isAtLeast(version, "0.5") ? "/model_info" : "/get_model_info"),
    // With less than 25 GB of GPU memory it makes CUDA graphs for batches of up to 8 only, and larger ones are slow.
    sizing: ({ requestsInFlight }) =>
      flags({ "--cuda-graph-max-bs": Math.min(Math.max(requestsInFlight, 8), 256) }),
  },
};
