import { families, type LiveMetrics } from "../metrics.ts";

/** llama.cpp's server with its metrics endpoint on, as recorded. */
export const llamacppFamilies = families(
  `
llamacpp:n_busy_slots_per_decode gauge
llamacpp:n_decode_total counter
llamacpp:n_tokens_max counter
llamacpp:predicted_tokens_seconds gauge
llamacpp:prompt_seconds_total counter
llamacpp:prompt_tokens_cached_total counter
llamacpp:prompt_tokens_seconds gauge
llamacpp:prompt_tokens_total counter
llamacpp:requests_deferred gauge
llamacpp:requests_processing gauge
llamacpp:spec_decode_num_accepted_tokens_total counter
llamacpp:spec_decode_num_draft_tokens_total counter
llamacpp:spec_decode_num_drafts_total counter
llamacpp:tokens_predicted_seconds_total counter
llamacpp:tokens_predicted_total counter`,
  {
    "llamacpp:n_busy_slots_per_decode": (live: LiveMetrics) => live.sequencesPerStep,
    "llamacpp:n_decode_total": (live: LiveMetrics) => live.steps,
    "llamacpp:predicted_tokens_seconds": (live: LiveMetrics) => live.tokensPerSecond,
    "llamacpp:prompt_seconds_total": (live: LiveMetrics) => live.prefillSeconds,
    "llamacpp:prompt_tokens_cached_total": (live: LiveMetrics) => live.cachedTokens,
    "llamacpp:prompt_tokens_seconds": (live: LiveMetrics) => live.promptTokensPerSecond,
    "llamacpp:prompt_tokens_total": (live: LiveMetrics) => live.computedPromptTokens,
    "llamacpp:requests_deferred": (live: LiveMetrics) => live.waiting,
    "llamacpp:requests_processing": (live: LiveMetrics) => live.running,
    "llamacpp:tokens_predicted_seconds_total": (live: LiveMetrics) => live.decodeSeconds,
    // Counted when a slot is free again.
    "llamacpp:tokens_predicted_total": (live: LiveMetrics) => live.outputLength.sum,
  },
);
