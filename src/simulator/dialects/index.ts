import type { SimulatorDialect } from "../options.ts";
import type { Dialect } from "./dialect.ts";
import { llamaCppPython } from "./llama-cpp-python.ts";
import { llamacpp } from "./llamacpp.ts";
import { nim18 } from "./nim-1.8.ts";
import { sglang } from "./sglang.ts";
import { sglang047 } from "./sglang-0.4.7.ts";
import { tgi, tgi241 } from "./tgi.ts";
import { transformersServe } from "./transformers-serve.ts";
import { vllm } from "./vllm.ts";
import { vllm064 } from "./vllm-0.6.4.ts";

/** Every dialect: a new one is a file and a line here (and its name in options.ts). */
export const dialects: Readonly<Record<SimulatorDialect, Dialect>> = {
  vllm,
  "vllm-0.6.4": vllm064,
  sglang,
  "sglang-0.4.7": sglang047,
  tgi,
  "tgi-2.4.1": tgi241,
  "nim-1.8": nim18,
  llamacpp,
  "llama-cpp-python": llamaCppPython,
  "transformers-serve": transformersServe,
};
