import { readFileSync } from "node:fs";

/** What Linux says of this process; undefined elsewhere. */

/** How long the thread that asks has been ready to run and had no core, milliseconds. */
export function readRunQueueMs(): number | undefined {
  const waitedNs = Number(readText("/proc/thread-self/schedstat")?.split(" ")[1]);
  return Number.isFinite(waitedNs) ? waitedNs / 1e6 : undefined;
}

/** How often and how long its control group's CPU limit has held it back. */
export function readThrottled(): { readonly periods: number; readonly ms: number } | undefined {
  const text = cpuStatPaths()
    .map(readText)
    .find((found) => found !== undefined);
  if (text === undefined) return undefined;
  const fields = new Map(
    text.split("\n").map((line) => {
      const [name = "", value] = line.split(" ");
      return [name, Number(value)];
    }),
  );
  // Version 2 counts microseconds, version 1 nanoseconds.
  const ms = (fields.get("throttled_usec") ?? Number.NaN) / 1e3;
  const periods = fields.get("nr_throttled");
  if (periods === undefined) return undefined;
  return { periods, ms: Number.isNaN(ms) ? (fields.get("throttled_time") ?? 0) / 1e6 : ms };
}

/** Where the group's readings may be: its own place where the whole tree is seen, the root in a container. */
function cpuStatPaths(): string[] {
  const groups = (readText("/proc/self/cgroup") ?? "").trim().split("\n");
  const place = (matches: (controllers: string) => boolean) =>
    groups.map((line) => line.split(":")).find(([, controllers = ""]) => matches(controllers))?.[2] ?? "/";
  const two = place((controllers) => controllers === "");
  const one = place((controllers) => controllers.split(",").includes("cpu"));
  return [
    ...[two, "/"].map((path) => `/sys/fs/cgroup${path}/cpu.stat`),
    ...[one, "/"].flatMap((path) => [
      `/sys/fs/cgroup/cpu${path}/cpu.stat`,
      `/sys/fs/cgroup/cpu,cpuacct${path}/cpu.stat`,
    ]),
  ];
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
