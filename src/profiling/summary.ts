import type { ProfileCapture, ProfileSummary } from "../results/schema/profile.ts";
import { readMemoryTable, readTimeTable, type StatsReport } from "./tables.ts";

/** summary.json of a recording, from the tables of `nsys stats` by our names. */
export function summariseProfile(
  capture: ProfileCapture,
  tables: ReadonlyMap<StatsReport["id"], string>,
): ProfileSummary {
  const table = (id: StatsReport["id"]) => readTimeTable(tables.get(id) ?? "") ?? null;
  const kernels = table("cuda_gpu_kern_sum");
  return {
    ...capture,
    cuda: kernels !== null,
    kernels,
    cudaApi: table("cuda_api_sum"),
    memory:
      readMemoryTable(tables.get("cuda_gpu_mem_time_sum") ?? "", tables.get("cuda_gpu_mem_size_sum") ?? "") ??
      null,
    nvtx: table("nvtx_sum"),
    systemCalls: table("osrt_sum"),
  };
}
