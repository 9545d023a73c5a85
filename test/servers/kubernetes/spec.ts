import type { ContainerSpec, ServerSpec } from "../../../src/servers/server.ts";

const probe = { path: "/health", periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 12 };

/** A server on one GPU that uses all that a container may ask for. */
export function makeSpec(
  change: Partial<ServerSpec> = {},
  container: Partial<ContainerSpec> = {},
): ServerSpec {
  return {
    runId: "nightly-2026.11.24",
    cellId: "vllm--llama-3-8b",
    command: ["vllm", "serve"],
    env: { VLLM_LOGGING_LEVEL: "INFO", TEMPLATE: "$(HOME)", HF_TOKEN: "" },
    secretEnv: ["HF_TOKEN"],
    readiness: { path: "/health", timeoutSeconds: 5 },
    startTimeoutSeconds: 600,
    stopTimeoutSeconds: 29.5,
    specHash: "0123456789abcdef",
    simulated: false,
    container: {
      image: "docker.io/vllm/vllm-openai:v0.6.4",
      pullPolicy: "IfNotPresent",
      imagePullSecrets: ["registry"],
      command: ["python3", "-m", "vllm.entrypoints.openai.api_server"],
      args: ["--model", "/models/llama-3-8b", "--host", "{host}", "--port", "{port}"],
      port: 8000,
      secretEnv: { HF_TOKEN: { name: "hub", key: "token" } },
      user: { uid: 1000, gid: 1000 },
      root: false,
      readOnlyRoot: true,
      writable: [
        { path: "/tmp", medium: "disk", size: "10Gi" },
        { path: "/cache", medium: "memory" },
      ],
      resources: { gpus: 2, cpu: "8", memory: "64Gi" },
      sharedMemory: "8Gi",
      modelsMount: "/models",
      pool: {
        name: "a10",
        nodeSelector: { "node.kubernetes.io/instance-type": "VM.GPU.A10.2" },
        tolerations: [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }],
        runtimeClass: "nvidia",
        gpuResource: "nvidia.com/gpu",
      },
      probes: { startup: { ...probe, failureThreshold: 132 }, readiness: probe, liveness: probe },
      ...container,
    },
    ...change,
  };
}
