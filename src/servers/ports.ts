import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { type ProcessEntry, socketInodes } from "./process-table.ts";

/** A TCP port of 127.0.0.1 that nobody listens on at this moment. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** True when something accepts connections on the port within `timeoutMs`. */
export async function isListening(port: number, timeoutMs: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const finish = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.setTimeout(timeoutMs, () => finish(false));
    socket.once("connect", () => finish(true));
    socket.once("error", () => finish(false));
  });
}

/**
 * Whose the listener of a port is: `ours` when one of these processes holds it, `foreign` when certainly none does,
 * `unknown` where the system does not say (another user's process, no lsof).
 */
export function ownerOfPort(port: number, members: readonly ProcessEntry[]): "ours" | "foreign" | "unknown" {
  if (process.platform !== "linux") return ownerByLsof(port, members);
  const listeners = [...listenersIn("/proc/net/tcp", port), ...listenersIn("/proc/net/tcp6", port)];
  if (listeners.length === 0) return "unknown";
  const held = members.map(({ pid }) => socketInodes(pid));
  if (held.some((inodes) => listeners.some((inode) => inodes?.has(inode)))) return "ours";
  return held.includes(undefined) ? "unknown" : "foreign";
}

/** Inodes of the sockets that listen on a port, from a table of /proc/net (state 0A is LISTEN). */
function listenersIn(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  try {
    return readFileSync(table, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state]) => state === "0A" && local?.endsWith(wanted))
      .flatMap((fields) => fields[9] ?? []);
  } catch {
    return [];
  }
}

function ownerByLsof(port: number, members: readonly ProcessEntry[]): "ours" | "foreign" | "unknown" {
  try {
    const text = execFileSync("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-t"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const pids = new Set(text.split("\n").filter(Boolean).map(Number));
    if (pids.size === 0) return "unknown";
    return members.some(({ pid }) => pids.has(pid)) ? "ours" : "foreign";
  } catch {
    return "unknown";
  }
}
