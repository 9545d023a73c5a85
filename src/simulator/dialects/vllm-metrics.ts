import { families, type LiveMetrics } from "../metrics.ts";

const successes = (more: readonly string[]) => [
  { labels: 'finished_reason="stop"', source: (live: LiveMetrics) => live.finishedByStop },
  { labels: 'finished_reason="length"', source: (live: LiveMetrics) => live.finishedByLength },
  { labels: 'finished_reason="abort"', source: (live: LiveMetrics) => live.aborted },
  ...more.map((reason) => ({ labels: `finished_reason="${reason}"`, source: 0 })),
];

const sources = {
  "vllm:num_requests_running": (live: LiveMetrics) => live.running,
  "vllm:num_requests_waiting": (live: LiveMetrics) => live.waiting,
  "vllm:prompt_tokens_total": (live: LiveMetrics) => live.promptTokens,
  "vllm:generation_tokens_total": (live: LiveMetrics) => live.outputTokens,
  "vllm:time_to_first_token_seconds": (live: LiveMetrics) => live.ttft,
  "vllm:e2e_request_latency_seconds": (live: LiveMetrics) => live.e2e,
  "vllm:request_queue_time_seconds": (live: LiveMetrics) => live.queue,
  "vllm:request_inference_time_seconds": (live: LiveMetrics) => live.e2e,
  "vllm:request_prefill_time_seconds": (live: LiveMetrics) => live.prefill,
  "vllm:request_decode_time_seconds": (live: LiveMetrics) => live.decode,
  "vllm:request_prompt_tokens": (live: LiveMetrics) => live.promptLength,
  "vllm:request_generation_tokens": (live: LiveMetrics) => live.outputLength,
};

/** The V1 engine's families, as vLLM 0.32 was recorded; each counter and histogram has a gauge of when it began. */
export const vllmFamilies = families(
  `
http_request_duration_highr_seconds histogram
http_request_duration_highr_seconds_created gauge
http_request_duration_seconds histogram
http_request_duration_seconds_created gauge
http_request_size_bytes summary
http_request_size_bytes_created gauge
http_requests_created gauge
http_requests_total counter
http_response_size_bytes summary
http_response_size_bytes_created gauge
process_cpu_seconds_total counter
process_max_fds gauge
process_open_fds gauge
process_resident_memory_bytes gauge
process_start_time_seconds gauge
process_virtual_memory_bytes gauge
python_gc_collections_total counter
python_gc_objects_collected_total counter
python_gc_objects_uncollectable_total counter
python_info gauge
vllm:admission_rejections_created gauge
vllm:admission_rejections_total counter
vllm:cache_config_info gauge
vllm:e2e_request_latency_seconds histogram
vllm:e2e_request_latency_seconds_created gauge
vllm:engine_sleep_state gauge
vllm:estimated_flops_per_gpu_created gauge
vllm:estimated_flops_per_gpu_total counter
vllm:estimated_read_bytes_per_gpu_created gauge
vllm:estimated_read_bytes_per_gpu_total counter
vllm:estimated_write_bytes_per_gpu_created gauge
vllm:estimated_write_bytes_per_gpu_total counter
vllm:external_prefix_cache_hits_created gauge
vllm:external_prefix_cache_hits_total counter
vllm:external_prefix_cache_queries_created gauge
vllm:external_prefix_cache_queries_total counter
vllm:generation_tokens_created gauge
vllm:generation_tokens_total counter
vllm:inter_token_latency_seconds histogram
vllm:inter_token_latency_seconds_created gauge
vllm:iteration_tokens_total histogram
vllm:iteration_tokens_total_created gauge
vllm:kv_cache_usage_perc gauge
vllm:mm_cache_hits_created gauge
vllm:mm_cache_hits_total counter
vllm:mm_cache_queries_created gauge
vllm:mm_cache_queries_total counter
vllm:num_preemptions_created gauge
vllm:num_preemptions_total counter
vllm:num_requests_running gauge
vllm:num_requests_waiting gauge
vllm:num_requests_waiting_by_reason gauge
vllm:prefix_cache_hits_created gauge
vllm:prefix_cache_hits_total counter
vllm:prefix_cache_queries_created gauge
vllm:prefix_cache_queries_total counter
vllm:prompt_tokens_by_source_created gauge
vllm:prompt_tokens_by_source_total counter
vllm:prompt_tokens_cached_by_source_created gauge
vllm:prompt_tokens_cached_by_source_total counter
vllm:prompt_tokens_cached_created gauge
vllm:prompt_tokens_cached_total counter
vllm:prompt_tokens_created gauge
vllm:prompt_tokens_total counter
vllm:request_decode_time_seconds histogram
vllm:request_decode_time_seconds_created gauge
vllm:request_generation_tokens histogram
vllm:request_generation_tokens_created gauge
vllm:request_inference_time_seconds histogram
vllm:request_inference_time_seconds_created gauge
vllm:request_max_num_generation_tokens histogram
vllm:request_max_num_generation_tokens_created gauge
vllm:request_num_preemptions histogram
vllm:request_num_preemptions_created gauge
vllm:request_params_max_tokens histogram
vllm:request_params_max_tokens_created gauge
vllm:request_params_n histogram
vllm:request_params_n_created gauge
vllm:request_prefill_kv_computed_tokens histogram
vllm:request_prefill_kv_computed_tokens_created gauge
vllm:request_prefill_time_seconds histogram
vllm:request_prefill_time_seconds_created gauge
vllm:request_prompt_tokens histogram
vllm:request_prompt_tokens_created gauge
vllm:request_queue_time_seconds histogram
vllm:request_queue_time_seconds_created gauge
vllm:request_success_created gauge
vllm:request_success_total counter
vllm:request_time_per_output_token_seconds histogram
vllm:request_time_per_output_token_seconds_created gauge
vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_created gauge`,
  {
    ...sources,
    "vllm:inter_token_latency_seconds": (live: LiveMetrics) => live.interToken,
    "vllm:request_time_per_output_token_seconds": (live: LiveMetrics) => live.perOutputToken,
    "vllm:kv_cache_usage_perc": (live: LiveMetrics) => live.cacheUsage,
    "vllm:prefix_cache_queries_total": (live: LiveMetrics) => live.promptTokens,
    "vllm:prefix_cache_hits_total": (live: LiveMetrics) => live.cachedTokens,
    "vllm:prompt_tokens_cached_total": (live: LiveMetrics) => live.cachedTokens,
    "vllm:request_prefill_kv_computed_tokens": (live: LiveMetrics) => live.promptLength,
    "vllm:request_success_total": successes(["error", "repetition"]),
    http_requests_total: (live: LiveMetrics) => live.requests,
    process_start_time_seconds: (live: LiveMetrics) => live.startedSeconds,
  },
).map((family) =>
  family.name.endsWith("_created")
    ? { ...family, source: (live: LiveMetrics) => live.startedSeconds }
    : family,
);

/** The V0 engine's families, as vLLM 0.6.4's source has them. */
export const vllmV0Families = families(
  `
vllm:cache_config_info gauge
vllm:num_requests_running gauge
vllm:num_requests_swapped gauge
vllm:num_requests_waiting gauge
vllm:gpu_cache_usage_perc gauge
vllm:cpu_cache_usage_perc gauge
vllm:cpu_prefix_cache_hit_rate gauge
vllm:gpu_prefix_cache_hit_rate gauge
vllm:num_preemptions_total counter
vllm:prompt_tokens_total counter
vllm:generation_tokens_total counter
vllm:time_to_first_token_seconds histogram
vllm:time_per_output_token_seconds histogram
vllm:e2e_request_latency_seconds histogram
vllm:request_queue_time_seconds histogram
vllm:request_inference_time_seconds histogram
vllm:request_prefill_time_seconds histogram
vllm:request_decode_time_seconds histogram
vllm:request_prompt_tokens histogram
vllm:request_generation_tokens histogram
vllm:request_params_best_of histogram
vllm:request_params_n histogram
vllm:request_success_total counter`,
  {
    ...sources,
    "vllm:time_per_output_token_seconds": (live: LiveMetrics) => live.interToken,
    "vllm:gpu_cache_usage_perc": (live: LiveMetrics) => live.cacheUsage,
    "vllm:gpu_prefix_cache_hit_rate": (live: LiveMetrics) => live.cacheHitRate,
    "vllm:request_success_total": successes([]),
  },
);

/** NIM 1.x at /v1/metrics: vLLM's measures without a prefix, as its documentation names them. */
export const nimFamilies = families(
  `
num_requests_running gauge
num_requests_waiting gauge
num_request_max gauge
gpu_cache_usage_perc gauge
prompt_tokens_total counter
generation_tokens_total counter
time_to_first_token_seconds histogram
time_per_output_token_seconds histogram
e2e_request_latency_seconds histogram
request_prompt_tokens histogram
request_generation_tokens histogram
request_finish_total counter
request_success_total counter
request_failure_total counter`,
  {
    num_requests_running: (live: LiveMetrics) => live.running,
    num_requests_waiting: (live: LiveMetrics) => live.waiting,
    num_request_max: (live: LiveMetrics) => live.maxBatch,
    gpu_cache_usage_perc: (live: LiveMetrics) => live.cacheUsage,
    prompt_tokens_total: (live: LiveMetrics) => live.promptTokens,
    generation_tokens_total: (live: LiveMetrics) => live.outputTokens,
    time_to_first_token_seconds: (live: LiveMetrics) => live.ttft,
    time_per_output_token_seconds: (live: LiveMetrics) => live.interToken,
    e2e_request_latency_seconds: (live: LiveMetrics) => live.e2e,
    request_prompt_tokens: (live: LiveMetrics) => live.promptLength,
    request_generation_tokens: (live: LiveMetrics) => live.outputLength,
    request_finish_total: successes([]),
    request_success_total: (live: LiveMetrics) => live.succeeded,
    request_failure_total: (live: LiveMetrics) => live.failed,
  },
);
