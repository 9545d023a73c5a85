import { flags, hubOffline } from "./flags.ts";
import { openai } from "./openai.ts";
import type { EngineSpec, RequestDialect } from "./spec.ts";

const dialect: RequestDialect = {
  ...openai,
  name: "trtllm",
  ignoreEos: "top-level",
  minTokens: true,
  streamOptions: { includeUsage: true, continuousUsage: true },
  endTokenCounted: true,
};

/** NVIDIA's own server. After NIM 2 the only one in which TensorRT-LLM is left. Made after its source, not tried. */
export const trtllm: EngineSpec = {
  kind: "trtllm",
  title: "TensorRT-LLM",
  homepage: "https://nvidia.github.io/TensorRT-LLM",
  // Its share of GPU memory is of what the weights leave free, and its data type the model's: both go into args.
  settings: ["contextLength", "maxConcurrentRequests", "tensorParallel"],
  defaultStartTimeoutSeconds: 1800,
  // It gives its workers 10 s, then kills them and waits 10 s more.
  defaultStopTimeoutSeconds: 30,
  readiness: () => ({ path: "/health", timeoutSeconds: 10 }),
  // Any field it does not know is answered with 400.
  dialect: () => dialect,
  metrics: {
    path: "/prometheus/metrics",
    cacheBlockTokens: 32,
    names: {
      requestsWaiting: ["trtllm_num_requests_waiting"],
      cacheUsageShare: ["trtllm_kv_cache_utilization"],
    },
  },
  // It serves under the folder's name and takes any name in a request.
  args: ({ modelPath, settings }) => [
    modelPath,
    ...flags({
      "--host": "{host}",
      "--port": "{port}",
      "--max_seq_len": settings.contextLength,
      "--max_batch_size": settings.maxConcurrentRequests,
      "--tp_size": settings.tensorParallel,
    }),
  ],
  env: () => hubOffline,
  environment: ["TLLM_", "TRTLLM_"],
  // Its server was made after vLLM's.
  simulatedAs: "vllm",
  container: {
    newest: "1.2.1",
    image: (version) => `nvcr.io/nvidia/tensorrt-llm/release:${version}`,
    command: () => ["trtllm-serve"],
    isEntryPoint: false,
    port: 8000,
    readOnlyRoot: false,
    writable: [{ path: "/cache", medium: "disk" }],
    env: { TRITON_CACHE_DIR: "/cache/triton" },
    resources: { cpu: 4, memoryGi: 24, sharedMemory: "16Gi" },
    startTimeoutSeconds: 1800,
    alive: () => "/health",
  },
};
