import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiClient } from "../../src/servers/kubernetes/api-client.ts";
import { connect } from "../../src/servers/kubernetes/connection.ts";
import { KubernetesBackend, type KubernetesBackendOptions } from "../../src/servers/kubernetes/kubernetes.ts";
import { serverName } from "../../src/servers/kubernetes/names.ts";
import type { ContainerSpec, RunningServer, ServerSpec } from "../../src/servers/server.ts";
import { call } from "./cluster.ts";

/** Why servers cannot be tried on a cluster here. */
export function serversMissing(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env["KUBECONFIG"] === undefined) return "KUBECONFIG names no cluster";
  if (env["LLMBENCH_IMAGE"] === undefined) return "LLMBENCH_IMAGE names no image that its nodes have";
  return undefined;
}

export function kubectl(words: string, input?: string): string {
  return call("kubectl", words.split(" "), input);
}

export function makeBackend(
  namespace: string,
  options: Partial<KubernetesBackendOptions> = {},
): KubernetesBackend {
  return new KubernetesBackend({
    client: async () => new ApiClient(await connect()),
    namespace,
    serversPerNode: 2,
    ...options,
  });
}

export type SpecChange = Omit<Partial<ServerSpec>, "container"> & { container?: Partial<ContainerSpec> };

/** A simulated server on the node that has no GPU, with what a test changes. */
export function makeSpec(cellId: string, { container = {}, ...change }: SpecChange = {}): ServerSpec {
  const probe = { path: "/health", periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 300 };
  return {
    runId: "run-1",
    cellId,
    command: [],
    env: {},
    secretEnv: [],
    readiness: { path: "/health", timeoutSeconds: 5 },
    startTimeoutSeconds: 120,
    stopTimeoutSeconds: 5,
    specHash: "hash-1",
    simulated: true,
    ...change,
    container: {
      image: process.env["LLMBENCH_IMAGE"] ?? "",
      pullPolicy: "IfNotPresent",
      imagePullSecrets: [],
      command: ["node", "/app/llmbench.mjs"],
      args: ["simulate", "--dialect", "vllm", "--host", "{host}", "--port", "{port}"],
      port: 8000,
      secretEnv: {},
      user: { uid: 10001, gid: 10001 },
      root: false,
      readOnlyRoot: true,
      writable: [{ path: "/tmp", medium: "disk", size: "64Mi" }],
      resources: { gpus: 0, memory: "256Mi" },
      modelsMount: "/models",
      pool: onNode("cpu-1"),
      probes: { startup: probe, readiness: probe },
      ...container,
    },
  };
}

/** A pool of one node. */
export function onNode(name: string): ContainerSpec["pool"] {
  return {
    name: "test",
    nodeSelector: { "kubernetes.io/hostname": name },
    tolerations: [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }],
    gpuResource: "nvidia.com/gpu",
  };
}

/** Runs a line of JavaScript in place of the server. */
export function running(script: string, more: Partial<ContainerSpec> = {}): SpecChange {
  return { container: { command: ["node", "-e"], args: [script], ...more } };
}

/** A completion by the Service's address: this process is in the cluster's network, but not in its DNS. */
export function completesIn(namespace: string, key: { runId: string; cellId: string }) {
  return async ({ url }: RunningServer, signal: AbortSignal): Promise<void> => {
    const { spec } = JSON.parse(kubectl(`get service -n ${namespace} ${serverName(key)} -o json`)) as {
      spec: { clusterIP: string };
    };
    const at = new URL("/v1/completions", url);
    at.hostname = spec.clusterIP;
    const answer = await fetch(at, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "simulated", prompt: "hello", max_tokens: 4 }),
      signal,
    });
    const body = await answer.text();
    if (!answer.ok) throw new Error(`HTTP ${answer.status}: ${body}`);
  };
}

/** A kubeconfig whose user is a ServiceAccount; the environment that makes `connect` take it. */
export function asServiceAccount(
  namespace: string,
  account: string,
): { readonly env: NodeJS.ProcessEnv; readonly dispose: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "llmbench-account-"));
  const file = join(folder, "kubeconfig");
  writeFileSync(file, readFileSync(process.env["KUBECONFIG"] as string));
  const token = kubectl(`create token -n ${namespace} ${account}`).trim();
  kubectl(`--kubeconfig ${file} config set-credentials ${account} --token ${token}`);
  kubectl(`--kubeconfig ${file} config set-context --current --user ${account}`);
  return { env: { KUBECONFIG: file }, dispose: () => rmSync(folder, { recursive: true }) };
}
