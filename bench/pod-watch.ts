import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

/** When each thing that happens to a pod was told, in milliseconds of this process's clock (performance.now). */
export interface PodTimes {
  /** Which step's, by Argo's annotation; undefined for a server. */
  readonly step: string | undefined;
  readonly createdMs: number;
  scheduledMs?: number;
  /** The container that does the work runs. */
  runningMs?: number;
  exitedMs?: number;
  /** The whole pod ended: its outputs are handed over. */
  endedMs?: number;
  /** Lines that a step logged: Argo deletes the pods of steps that went well. */
  log: Promise<string>;
}

interface Pod {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly state?: { readonly running?: object; readonly terminated?: object };
    }[];
  };
}

const run = promisify(execFile);

/** Watches the pods of a namespace until `stop`; pods that were there before are left out. */
export function watchPods(namespace: string): { readonly pods: ReadonlyMap<string, PodTimes>; stop(): void } {
  const pods = new Map<string, PodTimes>();
  const words = ["get", "pods", "-n", namespace, "--watch-only", "--output-watch-events", "-o"];
  const template = "jsonpath={.object}{'\\n'}";
  const watch = spawn("kubectl", [...words, template], { stdio: ["ignore", "pipe", "inherit"] });
  createInterface({ input: watch.stdout }).on("line", (line) => see(JSON.parse(line) as Pod));

  function see({ metadata, spec, status }: Pod): void {
    const now = performance.now();
    const { name, annotations } = metadata;
    const times = pods.get(name) ?? {
      step: stepOf(annotations?.["workflows.argoproj.io/node-name"]),
      createdMs: now,
      log: Promise.resolve(""),
    };
    pods.set(name, times);
    const main = status?.containerStatuses?.find((one) => one.name === "main" || times.step === undefined);
    const exited = main?.state?.terminated !== undefined;
    if (spec.nodeName !== undefined) times.scheduledMs ??= now;
    if (times.runningMs === undefined && (exited || main?.state?.running !== undefined)) {
      times.runningMs = now;
      // From now on: once it has ended, its pod may be gone before it can be asked.
      if (times.step !== undefined) times.log = followLog(namespace, name);
    }
    if (exited) times.exitedMs ??= now;
    if (status?.phase === "Succeeded" || status?.phase === "Failed") times.endedMs ??= now;
  }

  return { pods, stop: () => watch.kill() };
}

/** `run.cell(0).sweep(0)` → `sweep`; an exit hook is the teardown, the workflow's own is finish. */
function stepOf(node: string | undefined): string | undefined {
  if (node === undefined) return undefined;
  const last = node
    .split(".")
    .at(-1)
    ?.replace(/\(\d+\)$/, "");
  if (last !== "onExit") return last;
  return node.split(".").length > 2 ? "teardown" : "finish";
}

/** All that a container logs; what was read of it where its pod went first. */
async function followLog(namespace: string, pod: string): Promise<string> {
  const words = ["logs", "--follow", "-n", namespace, pod, "-c", "main"];
  return await run("kubectl", words).then(
    ({ stdout }) => stdout,
    ({ stdout }: { stdout?: string }) => stdout ?? "",
  );
}
