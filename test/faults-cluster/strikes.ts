import { call } from "../cluster/cluster.ts";
import { until } from "./cluster-client.ts";
import { namespace } from "./place.ts";

/** Ends the llmbench of a container by its first word, from inside: the image has Node and little else. */
const killer = `
const { readdirSync, readFileSync } = require("node:fs");
const [signal, word] = process.argv.slice(1);
const ours = new RegExp("^(\\\\S*/)?node /app/llmbench[.]mjs " + word + " ");
for (const pid of readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name)).map(Number)) {
  let words = "";
  try { words = readFileSync("/proc/" + pid + "/cmdline", "utf8").replaceAll("\\0", " "); } catch {}
  if (pid !== process.pid && ours.test(words)) { process.kill(pid, signal); console.log(pid); }
}`;

/** Ends a step in its pod: SIGKILL as a node short of memory does, SIGTERM as one that is shut down. */
export async function killStep(nodeId: string, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  const pod = podOf(nodeId);
  await kill(pod, "main", signal, "step");
}

/** Asks a cell's server to end, as someone who mistakes it for another does. */
export async function stopServer(cell: string): Promise<void> {
  const pod = await serverPod(cell);
  await kill(pod, "server", "SIGTERM", "simulate");
}

async function serverPod(cell: string): Promise<string> {
  const words = `get pods -n ${namespace} -l llmbench.dev/cell=${cell} -o name`.split(" ");
  return await until("the server's pod", () => call("kubectl", words).trim() || undefined);
}

/** Until there was something to kill: a container that runs may not have begun its program. */
async function kill(pod: string, container: string, signal: string, word: string): Promise<void> {
  const command = ["node", "-e", killer, signal, word];
  await until(`a process of ${container} in ${pod} to end`, () => {
    const killed = call("kubectl", ["exec", "-n", namespace, pod, "-c", container, "--", ...command]);
    return killed.trim() === "" ? undefined : true;
  });
}

/** Until a step has logged these words. */
export async function untilSaid(nodeId: string, words: string): Promise<void> {
  const pod = podOf(nodeId);
  await until(`${pod} to say ${words}`, () =>
    call("kubectl", ["logs", "-n", namespace, pod, "-c", "main"]).includes(words) ? true : undefined,
  );
}

/** The pod of a node of a workflow. */
function podOf(nodeId: string): string {
  const list = JSON.parse(call("kubectl", ["get", "pods", "-n", namespace, "-o", "json"])) as {
    items: { metadata: { name: string; annotations?: Record<string, string> } }[];
  };
  const pod = list.items.find(
    ({ metadata }) => metadata.annotations?.["workflows.argoproj.io/node-id"] === nodeId,
  );
  if (pod === undefined) throw new Error(`no pod of node ${nodeId}`);
  return `pod/${pod.metadata.name}`;
}

/** Asks the API server to evict a step's pod, as a drain does. */
export function evictStep(nodeId: string): void {
  const name = podOf(nodeId).replace("pod/", "");
  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } };
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
  call("kubectl", ["create", "--raw", path, "-f", "-"], JSON.stringify(eviction));
}
