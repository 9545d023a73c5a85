import { engineSpec } from "./index.ts";

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

/**
 * Variables of this shell that change what an engine does. They reach it in any case; as part of the spec they are
 * recorded with the server and make another one of it.
 */
export function inheritedEnvironment(engine: string, env: NodeJS.ProcessEnv): Record<string, string> {
  const beginnings = [...shared, ...engineSpec(engine).environment];
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
