import { flags, hubOffline, variables } from "./flags.ts";
import { openai } from "./openai.ts";
import type { EngineSpec, RequestDialect } from "./spec.ts";
import { isAtLeast } from "./versions.ts";

const dialect: RequestDialect = {
  ...openai,
  name: "tgi",
  // Any other name is taken as the id of a LoRA adapter.
  model: { fixed: "tgi" },
  // The router hard-codes ignore_eos_token: false and has no min_tokens: the output length cannot be forced.
  ignoreEos: null,
  minTokens: false,
  endTokenCounted: true,
  maxIdleMs: 15_000,
};

const dialect241: RequestDialect = { ...dialect, name: "tgi-2.4.1" };

export const tgi: EngineSpec = {
  kind: "tgi",
  title: "Text Generation Inference",
  homepage: "https://github.com/huggingface/text-generation-inference",
  settings: [
    "contextLength",
    "maxConcurrentRequests",
    "dtype",
    "tensorParallel",
    "gpuMemoryShare",
    "prefixCache",
  ],
  defaultStartTimeoutSeconds: 900,
  // The router drains for at most 90 s, then the shards for at most 90 s.
  defaultStopTimeoutSeconds: 200,
  readiness: () => ({ path: "/health", timeoutSeconds: 10 }),
  dialect: (version) => (isAtLeast(version, "3") ? dialect : dialect241),
  metrics: {
    path: "/metrics",
    cacheBlockTokens: 1,
    names: {
      requestsRunning: ["tgi_batch_current_size"],
      requestsWaiting: ["tgi_queue_size"],
      promptTokensTotal: ["tgi_request_input_length_sum"],
      generationTokensTotal: ["tgi_request_generated_tokens_sum"],
    },
  },
  args: ({ modelPath, settings: { contextLength, ...settings } }) =>
    flags({
      "--model-id": modelPath,
      "--hostname": "{host}",
      "--port": "{port}",
      "--usage-stats": "off",
      // Its default of 128 answers "overloaded" beyond it where the other engines queue.
      "--max-concurrent-requests": 512,
      "--max-input-tokens": contextLength === undefined ? undefined : contextLength - 1,
      "--max-total-tokens": contextLength,
      // The router refuses to start when a prompt of the allowed length does not fit one prefill.
      "--max-batch-prefill-tokens": contextLength === undefined ? undefined : Math.max(4096, contextLength),
      "--max-batch-size": settings.maxConcurrentRequests,
      "--dtype": settings.dtype,
      "--num-shard": settings.tensorParallel,
      "--cuda-memory-fraction": settings.gpuMemoryShare,
    }),
  env: ({ settings }) =>
    variables({
      ...hubOffline,
      PREFIX_CACHING: settings.prefixCache === undefined ? undefined : Number(settings.prefixCache),
    }),
  environment: ["TGI_", "PREFIX_CACHING", "ATTENTION"],
  container: {
    newest: "3.3.7",
    image: (version) => `ghcr.io/huggingface/text-generation-inference:${version}`,
    // It sets up libraries, then starts text-generation-launcher, and splits arguments with spaces in them.
    command: () => ["/tgi-entrypoint.sh"],
    isEntryPoint: true,
    port: 8080,
    readOnlyRoot: false,
    writable: [
      { path: "/data", medium: "disk" },
      { path: "/cache", medium: "disk" },
    ],
    env: { TRITON_CACHE_DIR: "/cache/triton" },
    resources: { cpu: 4, memoryGi: 24, sharedMemory: "16Gi" },
    startTimeoutSeconds: 1800,
    alive: () => "/health",
  },
};
