import type { ServerFacts } from "./dialect.ts";

/** /v1/models: Ollama's list and OpenAI's in one. */
export function models({ model, contextLength }: ServerFacts): unknown {
  const details = {
    parent_model: "",
    format: "gguf",
    family: "",
    families: [""],
    parameter_size: "",
    quantization_level: "",
  };
  const texts = { modified_at: "", size: "", digest: "", type: "model", description: "" };
  const entry = {
    name: model,
    model,
    ...texts,
    tags: [""],
    capabilities: ["completion"],
    parameters: "",
    details,
  };
  const meta = {
    vocab_type: 2,
    n_vocab: 49_152,
    n_ctx: contextLength,
    n_ctx_train: contextLength,
    n_embd: 576,
    n_params: 134_515_008,
    size: 96_576_768,
    ftype: "simulated",
  };
  const architecture = { input_modalities: ["text"], output_modalities: ["text"] };
  const created = Math.floor(Date.now() / 1000);
  const data = {
    id: model,
    aliases: [model],
    tags: [],
    object: "model",
    architecture,
    created,
    owned_by: "llamacpp",
    meta,
  };
  return { models: [entry], object: "list", data: [data] };
}

/** /props, of which the settings of sampling are left out. */
export function props({ model, contextLength, maxBatch }: ServerFacts): unknown {
  return {
    default_generation_settings: {
      params: { seed: 4_294_967_295, max_tokens: -1, n_predict: -1 },
      n_ctx: contextLength,
    },
    total_slots: maxBatch,
    model_alias: model,
    model_ftype: "simulated",
    model_path: model,
    modalities: { vision: false, video: false, audio: false },
    media_marker: "<__media__>",
    endpoint_slots: true,
    endpoint_props: false,
    endpoint_metrics: true,
    ui: false,
    ui_settings: {},
    chat_template: "",
    chat_template_caps: {},
    bos_token: "<|im_start|>",
    eos_token: "<|im_end|>",
    build_info: "b0-simulated",
    is_sleeping: false,
    cors_proxy_enabled: false,
  };
}

/** /slots, of which the settings of each request are left out. */
export function slots({ contextLength, maxBatch }: ServerFacts, running: number): unknown {
  return Array.from({ length: maxBatch }, (_, id) => ({
    id,
    n_ctx: contextLength,
    speculative: false,
    is_processing: id < running,
  }));
}
