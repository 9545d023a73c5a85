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
export async function isListening(port: number, timeoutMs: number, host = "127.0.0.1"): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ port, host });
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
  const listeners = tables.flatMap(readListeners).filter((listener) => listener.port === port);
  if (listeners.length === 0) return "unknown";
  const held = members.map(({ pid }) => socketInodes(pid));
  if (held.some((inodes) => listeners.some(({ inode }) => inodes?.has(inode)))) return "ours";
  return held.includes(undefined) ? "unknown" : "foreign";
}

/** TCP ports that these processes listen on, in order; none where the system does not say. */
export function portsOf(members: readonly ProcessEntry[]): number[] {
  if (process.platform !== "linux") return [];
  const held = members.map(({ pid }) => socketInodes(pid));
  const ports = tables
    .flatMap(readListeners)
    .filter(({ inode }) => held.some((inodes) => inodes?.has(inode)))
    .map(({ port }) => port);
  return [...new Set(ports)].sort((a, b) => a - b);
}

const tables = ["/proc/net/tcp", "/proc/net/tcp6"];

/** The sockets of a table of /proc/net that listen (state 0A). */
function readListeners(table: string): { readonly port: number; readonly inode: string }[] {
  try {
    return readFileSync(table, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state]) => state === "0A")
      .flatMap(([, local = "", ...rest]) => {
        const inode = rest[7];
        return inode === undefined ? [] : [{ port: Number.parseInt(local.split(":")[1] ?? "", 16), inode }];
      });
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
