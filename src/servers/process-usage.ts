import { readFile } from "node:fs/promises";
import type { ServerUsage } from "./server.ts";

/** Ticks a second in /proc: USER_HZ, 100 on every Linux since 2.4 (man 5 proc). */
const ticksPerSecond = 100;

/**
 * CPU time and memory of these processes together, as they are now; undefined where none can be read. Memory is
 * resident memory: pages that processes share are counted in each.
 */
export async function readUsage(pids: readonly number[]): Promise<ServerUsage | undefined> {
  const found = (await Promise.all(pids.map(readOne))).filter((one) => one !== undefined);
  if (found.length === 0) return undefined;
  return {
    cpuSeconds: found.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    memoryBytes: found.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
  };
}

async function readOne(pid: number): Promise<{ cpuSeconds: number; memoryBytes: number } | undefined> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile(`/proc/${pid}/status`, "utf8"),
    ]);
    // Behind the name, which may hold blanks: state is field 3, utime and stime are 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    return Number.isFinite(cpuSeconds) && Number.isFinite(kilobytes)
      ? { cpuSeconds, memoryBytes: kilobytes * 1024 }
      : undefined;
  } catch {
    // It has ended, or this is no Linux.
    return undefined;
  }
}
