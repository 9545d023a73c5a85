import type { EngineKind } from "../config/plan.ts";

/** Beginnings of names that change what every engine does. */
const shared = [
  "CUDA_",
  "NVIDIA_",
  "NCCL_",
  "OMP_",
  "KMP_",
  "MKL_",
  "OPENBLAS_",
  "HF_",
  "TRANSFORMERS_",
  "TORCH",
  "PYTORCH_",
  "TRITON_",
  "LD_PRELOAD",
  "LD_LIBRARY_PATH",
];

const own: Readonly<Record<EngineKind, readonly string[]>> = {
  vllm: ["VLLM_"],
  sglang: ["SGLANG_", "SGL_", "FLASHINFER_"],
  tgi: ["TGI_", "PREFIX_CACHING", "ATTENTION"],
  nim: ["NIM_"],
  trtllm: ["TLLM_", "TRTLLM_"],
  lmdeploy: ["LMDEPLOY_", "TM_"],
  llamacpp: ["LLAMA_", "GGML_"],
};

/**
 * Variables of this shell that change what an engine does. They reach it in any case; as part of the spec they are
 * recorded with the server and make another one of it.
 */
export function inheritedEnvironment(engine: EngineKind, env: NodeJS.ProcessEnv): Record<string, string> {
  const beginnings = [...shared, ...own[engine]];
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && beginnings.some((beginning) => name.startsWith(beginning))
        ? [[name, value]]
        : [],
    ),
  );
}

/** Whether an inherited variable's value must not be shown: rather one too many than one too few. */
export function isSecretName(name: string): boolean {
  return /KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL/i.test(name);
}
