export function sglangModel(model: string): Record<string, unknown> {
  return {
    id: model,
    object: "model",
    created: Math.floor(Date.now() / 1000),
    owned_by: "sglang",
    root: model,
  };
}

/** Of the several hundred settings that the page shows, those that describe the simulated server. */
export function serverInfo(
  facts: { model: string; host: string; port: number; contextLength: number; maxBatch: number },
  version: string,
): Record<string, unknown> {
  return {
    model_path: facts.model,
    tokenizer_path: facts.model,
    context_length: facts.contextLength,
    served_model_name: facts.model,
    host: facts.host,
    port: facts.port,
    max_running_requests: facts.maxBatch,
    disable_radix_cache: false,
    enable_metrics: true,
    version,
  };
}
