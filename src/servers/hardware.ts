import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Hardware } from "../results/schema/run.ts";

const run = promisify(execFile);

/** This machine as a server sees it: within the limits of the container or control group that we run in. */
export async function describeHardware(): Promise<Hardware> {
  const model = cpus()[0]?.model.trim() || arch();
  const cores = coresFor(availableParallelism(), cpuQuota());
  const gpus = await readGpus();
  return {
    name: hardwareName(model, cores, gpus),
    cpu: { model, cores },
    memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
    gpus,
  };
}

/** The GPUs where there are any, since they do the work; else processor and cores. */
export function hardwareName(cpuModel: string, cores: number, gpus: Hardware["gpus"]): string {
  if (gpus.length === 0) return `${shortCpuName(cpuModel)}, ${cores} ${cores === 1 ? "core" : "cores"}`;
  const counts = new Map<string, number>();
  for (const { name } of gpus) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${name} x${count}`).join(", ");
}

/** Whole cores that may be used at once, at least one. A quota is in cores and may have a fraction. */
export function coresFor(visible: number, quota: number | undefined): number {
  return Math.max(1, Math.min(visible, Math.floor(quota ?? visible)));
}

/** CSV of nvidia-smi: name, memory in MiB, driver. */
export function parseNvidiaSmi(csv: string): Hardware["gpus"] {
  return csv
    .split("\n")
    .map((line) => line.split(",").map((field) => field.trim()))
    .filter(([name]) => name !== undefined && name !== "")
    .map(([name = "", memory, driver]) => ({
      name: name.startsWith("NVIDIA") ? name : `NVIDIA ${name}`,
      ...(Number.isFinite(Number(memory)) && memory !== "" ? { memoryMiB: Number(memory) } : {}),
      ...(driver === undefined || driver === "" ? {} : { driver }),
    }));
}

async function readGpus(): Promise<Hardware["gpus"]> {
  try {
    const query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"];
    return parseNvidiaSmi((await run("nvidia-smi", query, { timeout: 10_000 })).stdout);
  } catch {
    return []; // no NVIDIA driver here
  }
}

/** "Intel(R) Xeon(R) Platinum 8358 CPU @ 2.60GHz" is "Intel Xeon Platinum 8358". */
function shortCpuName(model: string): string {
  return model
    .replace(/\((?:R|TM)\)/gi, "")
    .replace(/\s+@.*$/, "")
    .replace(/\s+(?:\d+-Core\s+)?(?:CPU|Processor)\b.*$/i, "")
    .replace(/\s+/g, " ")
    .trim();
}

/** Cores that the control group allows, where it sets a limit: the least of the groups above us (v2), or of v1. */
function cpuQuota(): number | undefined {
  const path = /^0::(.*)$/m.exec(readOrEmpty("/proc/self/cgroup"))?.[1] ?? "/";
  const quotas: number[] = [];
  for (let folder = path; ; folder = dirname(folder)) {
    const [max, period] = readOrEmpty(join("/sys/fs/cgroup", folder, "cpu.max"))
      .trim()
      .split(" ")
      .map(Number);
    if (max && period) quotas.push(max / period);
    if (folder === "/" || folder === ".") break;
  }
  const v1 = Number(readOrEmpty("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"));
  const v1Period = Number(readOrEmpty("/sys/fs/cgroup/cpu/cpu.cfs_period_us"));
  if (v1 > 0 && v1Period > 0) quotas.push(v1 / v1Period);
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
