import { spawnSync } from "node:child_process";

/** What cluster tests need, else why they are skipped: a cluster, a controller that runs workflows, argo's own client. */
export function clusterMissing(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env["KUBECONFIG"] === undefined) return "KUBECONFIG names no cluster";
  if (spawnSync("argo", ["version"], { stdio: "ignore" }).status !== 0) return "argo is not on PATH";
  if (env["LLMBENCH_IMAGE"] === undefined || env["LLMBENCH_LLAMACPP_IMAGE"] === undefined)
    return "LLMBENCH_IMAGE and LLMBENCH_LLAMACPP_IMAGE name no images that its nodes have";
  if (env["LLMBENCH_SHARE"] === undefined) return "LLMBENCH_SHARE names no folder that its nodes share";
  return undefined;
}

/** Runs a client of the cluster and returns what it prints. Throws with its words when it fails. */
export function call(program: "kubectl" | "argo", words: readonly string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8", input });
  if (status !== 0) throw new Error(`${program} ${words.join(" ")}: ${stderr || stdout}`);
  return stdout;
}

/** Returns when a workflow is over, well or not. */
export function waitForEnd(namespace: string, name: string): void {
  // Its status is 1 for a workflow that failed, which readWorkflow tells with its reasons.
  spawnSync("argo", ["wait", "-n", namespace, name], { stdio: "ignore" });
}

interface WorkflowNode {
  readonly displayName: string;
  readonly templateName?: string;
  readonly type: string;
  readonly phase: string;
  readonly message?: string;
  readonly outputs?: {
    readonly parameters?: readonly { readonly name: string; readonly value?: string }[];
    readonly artifacts?: readonly { readonly name: string; readonly s3?: { readonly key: string } }[];
  };
}

export interface Workflow {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly phase: string;
    readonly message?: string;
    readonly nodes?: Readonly<Record<string, WorkflowNode>>;
  };
}

export function readWorkflow(namespace: string, name: string): Workflow {
  return JSON.parse(call("kubectl", ["get", "workflow", name, "-n", namespace, "-o", "json"])) as Workflow;
}

/** The pods of a workflow that did not succeed, with what they said. */
export function troubles({ status }: Workflow): string[] {
  return Object.values(status.nodes ?? {})
    .filter(({ type, phase }) => type === "Pod" && phase !== "Succeeded")
    .map(({ displayName, phase, message }) => `${displayName} ${phase}: ${message ?? ""}`);
}
