import { flags } from "./flags.ts";
import { openai } from "./openai.ts";
import type { EngineSpec, RequestDialect } from "./spec.ts";

const dialect: RequestDialect = {
  ...openai,
  name: "llamacpp",
  ignoreEos: "top-level",
  endTokenCounted: true,
  closesAfterStream: true,
};

export const llamacpp: EngineSpec = {
  kind: "llamacpp",
  title: "llama.cpp",
  homepage: "https://github.com/ggml-org/llama.cpp",
  settings: ["contextLength", "maxConcurrentRequests", "threads", "prefixCache"],
  defaultStartTimeoutSeconds: 300,
  defaultStopTimeoutSeconds: 15,
  // 503 "Loading model" until it can serve.
  readiness: () => ({ path: "/health", timeoutSeconds: 5 }),
  dialect: () => dialect,
  metrics: {
    path: "/metrics",
    cacheBlockTokens: 1,
    names: {
      requestsRunning: ["llamacpp:requests_processing"],
      requestsWaiting: ["llamacpp:requests_deferred"],
      cacheUsageShare: ["llamacpp:kv_cache_usage_ratio"],
      promptTokensTotal: ["llamacpp:prompt_tokens_total"],
      generationTokensTotal: ["llamacpp:tokens_predicted_total"],
      prefixCacheHitsTotal: ["llamacpp:prompt_tokens_cached_total"],
    },
    promptTokens: "computed",
    // It prints them as C++ prints a double: 1234567 as 1.23457e+06.
    counterDigits: 6,
  },
  args: ({ modelPath, servedName, settings, requestsInFlight }) => {
    const slots = settings.maxConcurrentRequests ?? 1;
    return [
      ...flags({
        "-m": modelPath,
        "--alias": servedName,
        "--host": "{host}",
        "--port": "{port}",
        "-np": slots,
        // It divides its context among the slots.
        "-c": settings.contextLength === undefined ? undefined : settings.contextLength * slots,
        "-t": settings.threads,
        "-tb": settings.threads,
        // Each connection holds one of its HTTP threads, also while it waits, opened ahead, for its request: without
        // enough of them answers stall for seconds. As many again as are in flight, and two for whoever else looks.
        "--threads-http": 2 * requestsInFlight + 2,
      }),
      "--metrics",
      ...(settings.prefixCache === false ? ["--no-cache-prompt"] : []),
    ];
  },
  env: () => ({}),
  distributions: ["xllamacpp"],
  environment: ["LLAMA_", "GGML_"],
  container: {
    image: (version, gpus) => {
      const build = version === undefined ? "" : `-b${version.replace(/^[bv]/, "")}`;
      return `ghcr.io/ggml-org/llama.cpp:server${gpus === 0 ? "" : "-cuda"}${build}`;
    },
    command: () => ["/app/llama-server"],
    isEntryPoint: true,
    port: 8080,
    user: { uid: 1000, gid: 1000 },
    readOnlyRoot: true,
    writable: [{ path: "/tmp", medium: "disk" }],
    env: {},
    resources: { cpu: 4, memoryGi: 8 },
    startTimeoutSeconds: 900,
    alive: () => "/health",
    // All layers go to the GPU: its own guess at how many fit is younger than some of its images.
    sizing: () => ["-ngl", "999"],
  },
};
