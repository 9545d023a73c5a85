import { families, type LiveMetrics } from "../metrics.ts";

const sources = {
  "sglang:num_running_reqs": (live: LiveMetrics) => live.running,
  "sglang:num_queue_reqs": (live: LiveMetrics) => live.waiting,
  "sglang:num_used_tokens": (live: LiveMetrics) => live.usedTokens,
  "sglang:token_usage": (live: LiveMetrics) => live.cacheUsage,
  "sglang:gen_throughput": (live: LiveMetrics) => live.tokensPerSecond,
  "sglang:cache_hit_rate": (live: LiveMetrics) => live.cacheHitRate,
  // Its tokenizer manager counts a request's tokens when it is over.
  "sglang:cached_tokens_total": (live: LiveMetrics) => live.endedCachedTokens,
  "sglang:prompt_tokens_total": (live: LiveMetrics) => live.endedPromptTokens,
  "sglang:generation_tokens_total": (live: LiveMetrics) => live.outputLength.sum,
  "sglang:num_requests_total": (live: LiveMetrics) => live.succeeded,
  "sglang:time_to_first_token_seconds": (live: LiveMetrics) => live.ttft,
  "sglang:inter_token_latency_seconds": (live: LiveMetrics) => live.interToken,
  "sglang:e2e_request_latency_seconds": (live: LiveMetrics) => live.e2e,
};

/** SGLang 0.4.7 with --enable-metrics, as recorded. */
export const sglang047Families = families(
  `
sglang:cache_hit_rate gauge
sglang:cached_tokens_total counter
sglang:e2e_request_latency_seconds histogram
sglang:gen_throughput gauge
sglang:generation_tokens_total counter
sglang:inter_token_latency_seconds histogram
sglang:num_decode_prealloc_queue_reqs gauge
sglang:num_decode_transfer_queue_reqs gauge
sglang:num_grammar_queue_reqs gauge
sglang:num_prefill_infight_queue_reqs gauge
sglang:num_prefill_prealloc_queue_reqs gauge
sglang:num_queue_reqs gauge
sglang:num_requests_total counter
sglang:num_running_reqs gauge
sglang:num_used_tokens gauge
sglang:prompt_tokens_total counter
sglang:spec_accept_length gauge
sglang:time_to_first_token_seconds histogram
sglang:token_usage gauge`,
  sources,
);

/** SGLang 0.5.23 with --enable-metrics, as recorded. */
export const sglangFamilies = families(
  `
sglang:cache_hit_rate gauge
sglang:cached_tokens_total counter
sglang:context_len gauge
sglang:cuda_graph_passes_total counter
sglang:decode_sum_seq_lens gauge
sglang:dp_attention_pairs_total counter
sglang:dp_attention_steps_total counter
sglang:dp_attention_sync_wait_seconds histogram
sglang:dp_attention_token_imbalance_ratio histogram
sglang:dp_attention_tokens_total counter
sglang:e2e_request_latency_seconds histogram
sglang:full_token_usage gauge
sglang:fwd_occupancy gauge
sglang:gen_throughput gauge
sglang:generation_tokens_histogram histogram
sglang:generation_tokens_total counter
sglang:graph_memory_usage_gb gauge
sglang:http_requests_active gauge
sglang:http_requests_total counter
sglang:http_responses_total counter
sglang:inter_token_latency_seconds histogram
sglang:is_cuda_graph gauge
sglang:kv_available_tokens gauge
sglang:kv_cache_memory_usage_gb gauge
sglang:kv_evictable_tokens gauge
sglang:kv_used_tokens gauge
sglang:mamba_available_tokens gauge
sglang:mamba_evictable_tokens gauge
sglang:mamba_usage gauge
sglang:mamba_used_tokens gauge
sglang:max_total_num_tokens gauge
sglang:new_token_ratio gauge
sglang:num_decode_deferred_kv_release_reqs gauge
sglang:num_decode_host_receive_queue_reqs gauge
sglang:num_decode_prealloc_queue_reqs gauge
sglang:num_decode_transfer_queue_reqs gauge
sglang:num_grammar_queue_reqs gauge
sglang:num_pages gauge
sglang:num_paused_reqs gauge
sglang:num_prefill_bootstrap_queue_reqs gauge
sglang:num_prefill_inflight_queue_reqs gauge
sglang:num_queue_reqs gauge
sglang:num_requests_total counter
sglang:num_retracted_reqs gauge
sglang:num_running_reqs gauge
sglang:num_unique_running_routing_keys gauge
sglang:num_used_tokens gauge
sglang:page_size gauge
sglang:pending_prealloc_token_usage gauge
sglang:per_stage_req_latency_seconds histogram
sglang:prealloc_full_token_usage gauge
sglang:prealloc_swa_token_usage gauge
sglang:prefill_effective_tokens_total counter
sglang:process_cpu_seconds_total counter
sglang:prompt_tokens_histogram histogram
sglang:prompt_tokens_total counter
sglang:queue_time_seconds histogram
sglang:realtime_tokens_total counter
sglang:request_time_per_output_token_seconds histogram
sglang:routing_key_all_req_count gauge
sglang:routing_key_running_req_count gauge
sglang:routing_keys_active gauge
sglang:scheduler_idle_seconds_total counter
sglang:scheduler_process_cpu_seconds_total counter
sglang:scheduler_stage_seconds_total counter
sglang:spec_accept_length gauge
sglang:spec_accept_rate gauge
sglang:spec_block_accept_length gauge
sglang:spec_cap_length gauge
sglang:spec_num_draft_tokens gauge
sglang:spec_num_steps gauge
sglang:startup_available_gpu_memory_gb gauge
sglang:startup_cuda_graph_time_seconds gauge
sglang:startup_time_seconds gauge
sglang:swa_available_tokens gauge
sglang:swa_evictable_tokens gauge
sglang:swa_token_usage gauge
sglang:swa_used_tokens gauge
sglang:time_to_first_token_seconds histogram
sglang:token_usage gauge
sglang:uncached_prompt_tokens_histogram histogram
sglang:utilization gauge
sglang:weight_memory_usage_gb gauge`,
  {
    ...sources,
    "sglang:context_len": (live: LiveMetrics) => live.contextLength,
    "sglang:full_token_usage": (live: LiveMetrics) => live.cacheUsage,
    "sglang:http_requests_active": (live: LiveMetrics) => live.running + live.waiting,
    "sglang:http_requests_total": (live: LiveMetrics) => live.requests,
    "sglang:http_responses_total": (live: LiveMetrics) => live.succeeded + live.failed,
    "sglang:kv_available_tokens": (live: LiveMetrics) => live.capacityTokens - live.usedTokens,
    "sglang:kv_used_tokens": (live: LiveMetrics) => live.usedTokens,
    "sglang:max_total_num_tokens": (live: LiveMetrics) => live.capacityTokens,
    "sglang:page_size": 1,
    "sglang:prefill_effective_tokens_total": (live: LiveMetrics) => live.computedPromptTokens,
    "sglang:queue_time_seconds": (live: LiveMetrics) => live.queue,
    "sglang:request_time_per_output_token_seconds": (live: LiveMetrics) => live.perOutputToken,
    "sglang:prompt_tokens_histogram": (live: LiveMetrics) => live.promptLength,
    "sglang:generation_tokens_histogram": (live: LiveMetrics) => live.outputLength,
    "sglang:utilization": (live: LiveMetrics) => live.running / live.maxBatch,
  },
);
