import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** One process of this machine. `pid` and `started` together never mean another process within one boot. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Session id; only where /proc says it. */
  readonly session?: number;
  /** When it started: clock ticks since boot on Linux, a date elsewhere. Compared, never read. */
  readonly started: string;
}

/** Who a process was when it was written down. */
export type ProcessIdentity = Pick<ProcessEntry, "pid" | "started">;

const linux = process.platform === "linux";

/** Every process that lives; those that only wait to be reaped by their parent do not. */
export function listProcesses(): ProcessEntry[] {
  if (!linux) return parsePs(ps(["-A", "-o", "pid=,ppid=,pgid=,stat=,lstart="]));
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? []);
}

/** One process, or undefined when there is none of that id (any more). */
export function readProcess(pid: number): ProcessEntry | undefined {
  if (linux) {
    const stat = readOrEmpty(`/proc/${pid}/stat`);
    return stat === "" ? undefined : parseStat(stat);
  }
  return parsePs(ps(["-o", "pid=,ppid=,pgid=,stat=,lstart=", "-p", `${pid}`]))[0];
}

/** True when that very process still lives: the id alone may belong to another by now. */
export function isAlive(identity: ProcessIdentity): boolean {
  return readProcess(identity.pid)?.started === identity.started;
}

/** Who we are ourselves. */
export function ownIdentity(): ProcessIdentity {
  const self = readProcess(process.pid);
  return { pid: process.pid, started: self?.started ?? "unknown" };
}

/** Names one boot of this machine; empty where nothing says. */
export function bootId(): string {
  if (linux) return readOrEmpty("/proc/sys/kernel/random/boot_id").trim();
  return output("sysctl", ["-n", "kern.boottime"]).trim();
}

/**
 * True when the process was started with `NAME=value` in its environment. False says nothing: a process may not be
 * readable, or may have written over it (vLLM's workers rename themselves over theirs).
 */
export function hasInEnvironment(pid: number, assignment: string): boolean {
  if (linux) return readOrEmpty(`/proc/${pid}/environ`).split("\0").includes(assignment);
  return ps(["-E", "-ww", "-o", "command=", "-p", `${pid}`])
    .split(/\s+/)
    .includes(assignment);
}

/** Inodes of the sockets that a process holds; undefined where that cannot be read. Linux only. */
export function socketInodes(pid: number): Set<string> | undefined {
  try {
    const inodes = new Set<string>();
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkOrEmpty(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    }
    return inodes;
  } catch {
    return undefined;
  }
}

/** /proc/PID/stat; its second field, the name, may hold spaces and parentheses of its own. */
function parseStat(stat: string): ProcessEntry | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, parent, group, session] = fields;
  const started = fields[19];
  if (started === undefined || state === "Z" || state === "X") return undefined;
  return {
    pid: Number.parseInt(stat, 10),
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    started,
  };
}

function parsePs(text: string): ProcessEntry[] {
  return text.split("\n").flatMap((line) => {
    const [, pid, parent, group, state, started] =
      /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line) ?? [];
    if (started === undefined || state === undefined || state.startsWith("Z")) return [];
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), started }];
  });
}

function ps(args: readonly string[]): string {
  return output("ps", args);
}

/** Standard output of a small program, empty when it fails (ps exits 1 when no process matches). */
function output(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, {
      encoding: "utf8",
      // A start time must read the same in every locale and time zone.
      env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch {
    return "";
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function readlinkOrEmpty(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
