import { flags, hubOffline, variables } from "./flags.ts";
import { openai } from "./openai.ts";
import type { EngineSpec, RequestDialect } from "./spec.ts";
import { isAtLeast } from "./versions.ts";

const dialect: RequestDialect = {
  ...openai,
  name: "vllm",
  ignoreEos: "top-level",
  minTokens: true,
  streamOptions: { includeUsage: true, continuousUsage: true },
  endTokenCounted: true,
};

/** 0.6.4 answers 400 to any field it does not know; lifted after it (vllm-project/vllm#10463). */
const dialect064: RequestDialect = { ...dialect, name: "vllm-0.6.4" };

/** The V1 engine, with other metrics and prefix caching on by default, is the default from 0.8. */
const isV1 = (version: string | undefined) => isAtLeast(version, "0.8");

export const vllm: EngineSpec = {
  kind: "vllm",
  title: "vLLM",
  homepage: "https://docs.vllm.ai",
  settings: [
    "contextLength",
    "maxConcurrentRequests",
    "threads",
    "dtype",
    "tensorParallel",
    "gpuMemoryShare",
    "prefixCache",
  ],
  defaultStartTimeoutSeconds: 900,
  // 0.6.4 waits 4 s for its engine process; newer ones abort what runs at once.
  defaultStopTimeoutSeconds: 30,
  readiness: () => ({ path: "/health", timeoutSeconds: 10 }),
  dialect: (version) => (isAtLeast(version, "0.6.5") ? dialect : dialect064),
  metrics: {
    path: "/metrics",
    cacheBlockTokens: 16,
    names: {
      requestsRunning: ["vllm:num_requests_running"],
      requestsWaiting: ["vllm:num_requests_waiting"],
      cacheUsageShare: ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
      preemptionsTotal: ["vllm:num_preemptions_total"],
      promptTokensTotal: ["vllm:prompt_tokens_total"],
      generationTokensTotal: ["vllm:generation_tokens_total"],
      prefixCacheQueriesTotal: ["vllm:prefix_cache_queries_total"],
      prefixCacheHitsTotal: ["vllm:prefix_cache_hits_total"],
    },
  },
  args: ({ modelPath, servedName, settings, version }) => [
    ...flags({
      "--model": modelPath,
      "--served-model-name": servedName,
      "--host": "{host}",
      "--port": "{port}",
      "--max-model-len": settings.contextLength,
      "--max-num-seqs": settings.maxConcurrentRequests,
      "--dtype": settings.dtype,
      "--tensor-parallel-size": settings.tensorParallel,
      "--gpu-memory-utilization": settings.gpuMemoryShare,
    }),
    ...prefixCacheArgs(settings.prefixCache, version),
  ],
  env: ({ settings }) =>
    variables({
      ...hubOffline,
      VLLM_NO_USAGE_STATS: 1,
      DO_NOT_TRACK: 1,
      OMP_NUM_THREADS: settings.threads,
      // vLLM on a CPU binds its own threads unless told not to; OMP_NUM_THREADS counts only then.
      VLLM_CPU_OMP_THREADS_BIND: settings.threads === undefined ? undefined : "nobind",
    }),
  // `vllm serve` came later and is missing from the CPU build; the module starts every version.
  localCommand: (python) => [python, "-m", "vllm.entrypoints.openai.api_server"],
  distributions: ["vllm", "vllm-cpu"],
  environment: ["VLLM_"],
  container: {
    newest: "0.33.0",
    image: (version) => `docker.io/vllm/vllm-openai:v${version}`,
    // Newer images start with `vllm serve`, which for a year refused --model; the module takes it in every version.
    command: () => ["python3", "-m", "vllm.entrypoints.openai.api_server"],
    isEntryPoint: false,
    port: 8000,
    readOnlyRoot: false,
    writable: [{ path: "/cache", medium: "disk" }],
    env: { VLLM_CACHE_ROOT: "/cache/vllm", TRITON_CACHE_DIR: "/cache/triton" },
    resources: { cpu: 4, memoryGi: 24, sharedMemory: "16Gi" },
    startTimeoutSeconds: 1800,
    alive: () => "/health",
  },
};

function prefixCacheArgs(wanted: boolean | undefined, version: string | undefined): string[] {
  if (wanted === undefined) return [];
  if (wanted) return ["--enable-prefix-caching"];
  return isV1(version) ? ["--no-enable-prefix-caching"] : []; // off by default before V1, and without that flag
}
