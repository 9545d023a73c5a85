import { spawn } from "node:child_process";
import { existsSync, openSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "./cluster-client.ts";
import { missing } from "./place.ts";

/** Where the parts of a cluster on this machine say which process they are. */
const state = process.env["LLMBENCH_CLUSTER_STATE"] ?? "/var/lib/llmbench-cluster";

/** Why parts of the cluster cannot be taken away here. */
export const partsMissing: string | undefined =
  missing ??
  (existsSync(pidFile("apiserver")) && existsSync(pidFile("argo"))
    ? undefined
    : `${state} (LLMBENCH_CLUSTER_STATE) holds no API server and controller of this machine`);

type Part = "apiserver" | "argo";

/** The API server does not answer for so long; nobody's connection is refused. */
export async function pauseApiServer(seconds: number): Promise<void> {
  const pid = pidOf("apiserver");
  process.kill(pid, "SIGSTOP");
  try {
    await sleep(seconds * 1000);
  } finally {
    process.kill(pid, "SIGCONT");
  }
}

/** Kills Argo's controller and starts it again, as it was started, once `meanwhile` is over. */
export async function restartController(meanwhile: () => Promise<unknown>): Promise<void> {
  const pid = pidOf("argo");
  const start = startedAs("argo", pid);
  process.kill(pid, "SIGKILL");
  try {
    await until("the controller to be gone", () => (isAlive(pid) ? undefined : true), 30);
    await meanwhile();
  } finally {
    start();
  }
}

function pidFile(part: Part): string {
  return join(state, `${part}.pid`);
}

function pidOf(part: Part): number {
  return Number(readFileSync(pidFile(part), "utf8"));
}

/** Starts a process with the words, the environment and the folder of one that runs. */
function startedAs(part: Part, pid: number): () => void {
  const [command = "", ...words] = zeroSeparated(`/proc/${pid}/cmdline`);
  const env = Object.fromEntries(
    zeroSeparated(`/proc/${pid}/environ`).map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  const cwd = readlinkSync(`/proc/${pid}/cwd`);
  return () => {
    const log = openSync(join(state, "log", `${part}.log`), "a");
    const child = spawn(command, words, { cwd, env, detached: true, stdio: ["ignore", log, log] });
    child.unref();
    writeFileSync(pidFile(part), `${child.pid}\n`);
  };
}

function zeroSeparated(path: string): string[] {
  return readFileSync(path, "utf8").split("\0").slice(0, -1);
}

/** A process that has ended and nobody has asked for is a zombie: not alive. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
