import { readFileSync } from "node:fs";
import type { RequestOptions } from "node:https";
import { delimiter } from "node:path";
import { LlmbenchError } from "../../error.ts";
import type { KubeConfig } from "./kube-config.ts";

/** How the API server is reached, and as whom. */
export interface Connection {
  readonly server: string;
  /** Who asks, for messages: a ServiceAccount, or the user of a kubeconfig. */
  readonly identity: string;
  /** Of the kubeconfig's context or the pod's ServiceAccount. */
  readonly namespace: string | undefined;
  /** Certificates, agent and a token that is still good: asked before each request. */
  authorize(): Promise<RequestOptions>;
  /** The same, as Kubernetes' own client takes it. */
  readonly config: KubeConfig;
}

const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The cluster that this process belongs to: by its pod's ServiceAccount, else KUBECONFIG, else ~/.kube/config.
 * Throws CLUSTER_UNKNOWN.
 */
export async function connect(env: NodeJS.ProcessEnv = process.env): Promise<Connection> {
  // Takes a fifth of a second to load, and only what runs in a cluster needs it.
  const { KubeConfig } = await import("./kube-config.ts");
  const config = new KubeConfig();
  const inPod = env["KUBERNETES_SERVICE_HOST"] !== undefined && readOrNothing("token") !== undefined;
  try {
    if (inPod) config.loadFromCluster();
    else loadFiles(config, env);
  } catch (cause) {
    throw unknownCluster(cause instanceof Error ? cause.message : String(cause), cause);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null || isMadeUp(config, cluster.server)) throw unknownCluster("no kubeconfig was found");

  let cached: { key: string; agent: RequestOptions["agent"] } | undefined;
  return {
    server: cluster.server,
    config,
    identity: inPod
      ? (serviceAccountOf(readOrNothing("token")) ?? "this pod's ServiceAccount")
      : (config.getCurrentUser()?.name ?? "nobody"),
    namespace: inPod
      ? readOrNothing("namespace")?.trim()
      : config.getContextObject(config.getCurrentContext())?.namespace,
    async authorize() {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      // An agent a certificate, not a request: connections are kept.
      const key = JSON.stringify([options.ca, options.cert, options.key].map(textOf));
      if (cached?.key !== key) cached = { key, agent: options.agent };
      return { ...options, agent: cached.agent };
    },
  };
}

/** What loadFromDefault takes where it finds nothing. */
function isMadeUp(config: KubeConfig, server: string): boolean {
  return config.getCurrentContext() === "loaded-context" && server === "http://localhost:8080";
}

/** The files of KUBECONFIG, the first one's context counts; without one ~/.kube/config. */
function loadFiles(config: KubeConfig, env: NodeJS.ProcessEnv): void {
  const [first, ...more] = (env["KUBECONFIG"] ?? "").split(delimiter).filter((file) => file !== "");
  if (first === undefined) return config.loadFromDefault();
  config.loadFromFile(first);
  for (const file of more) {
    const other = new (config.constructor as typeof KubeConfig)();
    other.loadFromFile(file);
    config.mergeConfig(other);
  }
}

/** A certificate or key, as kubeconfigs hold it: text or its bytes. */
function textOf(pem: unknown): string {
  return Buffer.isBuffer(pem) ? pem.toString("latin1") : JSON.stringify(pem ?? null);
}

/** `system:serviceaccount:NAMESPACE:NAME` out of a token, without checking it. */
function serviceAccountOf(token: string | undefined): string | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token?.split(".")[1] ?? "", "base64url").toString());
    const subject = (claims as { sub?: unknown }).sub;
    return typeof subject === "string" ? subject : undefined;
  } catch {
    return undefined;
  }
}

function readOrNothing(name: string): string | undefined {
  try {
    return readFileSync(`${serviceAccountFolder}/${name}`, "utf8");
  } catch {
    return undefined;
  }
}

function unknownCluster(reason: string, cause?: unknown): LlmbenchError {
  return new LlmbenchError("CLUSTER_UNKNOWN", `There is no Kubernetes cluster to talk to: ${reason}.`, {
    hint: "Set KUBECONFIG to a file that `kubectl get pods` works with, or run this in a pod whose ServiceAccount token is mounted.",
    cause,
  });
}
