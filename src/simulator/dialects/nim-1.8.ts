import type { Dialect } from "./dialect.ts";
import { fieldNames, hexId } from "./pieces.ts";
import { type ReadingRules, readGeneration } from "./read.ts";
import { json, prometheusPage } from "./uvicorn.ts";
import { vllmModel } from "./vllm.ts";
import { vllm064, vllm064Rules } from "./vllm-0.6.4.ts";
import { nimFamilies } from "./vllm-metrics.ts";

/** What NIM before 1.14 takes only inside `nvext`. */
const onlyInNvext = fieldNames(`
  ignore_eos top_k min_p repetition_penalty guided_json guided_regex guided_choice guided_grammar min_tokens
  use_beam_search include_stop_str_in_output length_penalty
`);

const rules: ReadingRules = {
  ...vllm064Rules,
  known: (api) => {
    const known = new Set(vllm064Rules.known?.(api));
    for (const field of onlyInNvext) known.delete(field);
    return known.add("nvext");
  },
  ignoreEos: "nvext",
  minTokens: false,
};

/**
 * NIM 1.8. Its image could not be had: the HTTP server is a derivative of vLLM's of that time, and the health, version
 * and metrics pages and `nvext` are as NVIDIA documents them.
 */
export const nim18: Dialect = {
  ...vllm064,
  name: "nim-1.8",
  // The server answers while the engine is built or loaded: live is not ready.
  loading: [
    { share: 0.4, refused: true },
    {
      share: 0.6,
      refused: false,
      answer: (path) =>
        path === "/v1/health/live"
          ? json(200, { object: "health.response", message: "Service is live." })
          : json(503, { object: "health.response", message: "Service is not ready." }),
    },
  ],
  shutdown: "drain",
  identity: ({ seed }, api, request, created) => {
    const id = `${api === "chat" ? "chat" : "cmpl"}-${hexId(seed, request, 32)}`;
    return { id, choiceId: () => id, created };
  },
  read: (api, body, facts) => readGeneration(api, body, facts, rules),
  get: (path, facts, live) => {
    switch (path) {
      case "/v1/health/live":
        return json(200, { object: "health.response", message: "Service is live." });
      case "/v1/health/ready":
        return json(200, { object: "health.response", message: "Service is ready." });
      case "/v1/version":
        return json(200, { release: "1.8.0", api: "1.8.0" });
      case "/v1/metadata":
        return json(200, {
          version: "1.8.0",
          modelInfo: [{ modelUrl: facts.model, shortName: facts.model }],
          assetInfo: [],
        });
      case "/v1/models":
        return json(200, {
          object: "list",
          data: [{ ...vllmModel(facts.model, facts.contextLength), owned_by: "system" }],
        });
      case "/v1/metrics":
        return prometheusPage(live(), nimFamilies, `model_name="${facts.model}"`);
      default:
        return undefined;
    }
  },
};
