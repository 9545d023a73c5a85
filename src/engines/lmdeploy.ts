import { flags, hubOffline } from "./flags.ts";
import { openai } from "./openai.ts";
import type { EngineSpec, RequestDialect } from "./spec.ts";

const dialect: RequestDialect = {
  ...openai,
  name: "lmdeploy",
  ignoreEos: "top-level",
  // It calls it min_new_tokens, and its completions have none.
  minTokens: false,
  endTokenCounted: true,
};

/** Made after its source, not tried. */
export const lmdeploy: EngineSpec = {
  kind: "lmdeploy",
  title: "LMDeploy",
  homepage: "https://lmdeploy.readthedocs.io",
  // Its share of GPU memory (--cache-max-entry-count) is of what the weights leave free: it goes into args.
  settings: ["contextLength", "maxConcurrentRequests", "dtype", "tensorParallel", "prefixCache"],
  defaultStartTimeoutSeconds: 900,
  defaultStopTimeoutSeconds: 30,
  readiness: () => ({ path: "/health", timeoutSeconds: 10 }),
  dialect: () => dialect,
  metrics: {
    path: "/metrics",
    names: {
      requestsRunning: ["lmdeploy:num_requests_running"],
      requestsWaiting: ["lmdeploy:num_requests_waiting"],
      cacheUsageShare: ["lmdeploy:gpu_cache_usage_perc"],
      promptTokensTotal: ["lmdeploy:prompt_tokens_total"],
      generationTokensTotal: ["lmdeploy:generation_tokens_total"],
    },
  },
  args: ({ modelPath, servedName, settings }) => [
    modelPath,
    ...flags({
      "--model-name": servedName,
      "--server-name": "{host}",
      "--server-port": "{port}",
      "--session-len": settings.contextLength,
      "--max-batch-size": settings.maxConcurrentRequests,
      "--dtype": settings.dtype,
      "--tp": settings.tensorParallel,
    }),
    // Off by itself, and there is no flag for that.
    ...(settings.prefixCache === true ? ["--enable-prefix-caching"] : []),
  ],
  env: () => hubOffline,
  localCommand: (python) => [python, "-m", "lmdeploy", "serve", "api_server"],
  distributions: ["lmdeploy"],
  environment: ["LMDEPLOY_", "TM_"],
  // Its server was made after vLLM's.
  simulatedAs: "vllm",
  container: {
    newest: "0.18.0",
    image: (version) => `docker.io/openmmlab/lmdeploy:v${version}-cu12`,
    command: () => ["lmdeploy", "serve", "api_server"],
    isEntryPoint: false,
    port: 23333,
    readOnlyRoot: false,
    writable: [{ path: "/cache", medium: "disk" }],
    env: { TRITON_CACHE_DIR: "/cache/triton" },
    resources: { cpu: 4, memoryGi: 24, sharedMemory: "16Gi" },
    startTimeoutSeconds: 1800,
    alive: () => "/health",
  },
};
