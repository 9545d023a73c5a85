import { families, type LiveMetrics } from "../metrics.ts";

/** TGI 2.4.1 and 3.3.7, as recorded: no time to first token, no cache usage. */
export const tgiFamilies = families(
  `
tgi_batch_concat counter
tgi_batch_concat_duration histogram
tgi_batch_current_max_tokens gauge
tgi_batch_current_size gauge
tgi_batch_decode_duration histogram
tgi_batch_filter_duration histogram
tgi_batch_forward_duration histogram
tgi_batch_inference_count counter
tgi_batch_inference_duration histogram
tgi_batch_inference_success counter
tgi_batch_next_size histogram
tgi_queue_size gauge
tgi_request_count counter
tgi_request_duration histogram
tgi_request_failure counter
tgi_request_generated_tokens histogram
tgi_request_inference_duration histogram
tgi_request_input_length histogram
tgi_request_max_new_tokens histogram
tgi_request_mean_time_per_token_duration histogram
tgi_request_queue_duration histogram
tgi_request_skipped_tokens summary
tgi_request_success counter
tgi_request_validation_duration histogram`,
  {
    tgi_batch_current_max_tokens: (live: LiveMetrics) => live.usedTokens,
    tgi_batch_current_size: (live: LiveMetrics) => live.running,
    tgi_batch_decode_duration: (live: LiveMetrics) => live.interToken,
    tgi_batch_forward_duration: (live: LiveMetrics) => live.interToken,
    tgi_batch_inference_count: (live: LiveMetrics) => live.steps,
    tgi_batch_inference_success: (live: LiveMetrics) => live.steps,
    tgi_batch_inference_duration: [
      { labels: 'method="prefill"', source: (live: LiveMetrics) => live.prefill },
      { labels: 'method="decode"', source: (live: LiveMetrics) => live.interToken },
    ],
    tgi_queue_size: (live: LiveMetrics) => live.waiting,
    tgi_request_count: (live: LiveMetrics) => live.requests,
    tgi_request_duration: (live: LiveMetrics) => live.e2e,
    tgi_request_failure: (live: LiveMetrics) => live.failed,
    tgi_request_generated_tokens: (live: LiveMetrics) => live.outputLength,
    tgi_request_inference_duration: (live: LiveMetrics) => live.decode,
    tgi_request_input_length: (live: LiveMetrics) => live.promptLength,
    tgi_request_mean_time_per_token_duration: (live: LiveMetrics) => live.perOutputToken,
    tgi_request_queue_duration: (live: LiveMetrics) => live.queue,
    tgi_request_success: (live: LiveMetrics) => live.succeeded,
  },
);
