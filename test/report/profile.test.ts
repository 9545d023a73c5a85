import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readTimeTable } from "../../src/profiling/tables.ts";
import { shortKernelName, viewProfile } from "../../src/report/profile-tables.ts";
import type { ProfileSummary } from "../../src/results/schema/profile.ts";
import type { CellResult } from "../../src/results/schema/results.ts";

const decode = readFileSync(
  new URL("../fixtures/nsys/recorded-decode/cuda_gpu_kern_sum.csv", import.meta.url),
  "utf8",
);

const profile: ProfileSummary = {
  schemaVersion: 1,
  simulated: false,
  cell: "vllm--m",
  deployment: 2,
  specHash: "0123456789abcdef",
  asked: {
    tool: "nsys",
    source: { kind: "path" },
    trace: ["cuda"],
    concurrency: 4,
    outputTokens: 64,
    requests: 20,
    allowNoCuda: false,
  },
  tool: { name: "nsys", version: "2025.6.1" },
  recordedAt: "2026-11-24T12:00:00.000Z",
  captureSeconds: 9.5,
  load: { concurrency: 4, outputTokens: 64, planned: 20, ok: 19, failed: 1 },
  withheld: [],
  isolated: true,
  gpus: [],
  cuda: true,
  kernels: readTimeTable(decode) ?? null,
  cudaApi: null,
  memory: null,
  nvtx: null,
  systemCalls: null,
  files: [{ name: "server.nsys-rep", bytes: 3_000_000 }],
};
const cell = { id: "vllm--m" } as CellResult;

describe("the name of a kernel", () => {
  it("is the function, without its return type, its template's arguments and its parameters", () => {
    expect(profile.kernels?.rows.map(({ name }) => shortKernelName(name))).toEqual([
      "internal::gemvx::kernel",
      "at::native::unrolled_elementwise_kernel",
      "at::native::vectorized_elementwise_kernel",
      "flash::flash_fwd_splitkv_kernel",
      "at::native::CatArrayBatchedCopy",
      "cutlass::Kernel2",
      "softmax_warp_forward",
    ]);
  });

  it("stays as it is where it is none of C++, or cannot be read", () => {
    for (const name of ["ampere_fp16_s1688gemm_fp16_64x128", "triton_poi_fused_add_0", "<<<", ""]) {
      expect(shortKernelName(name)).toBe(name);
    }
  });
});

describe("a profile for a person", () => {
  it("says what was recorded, how and what failed", () => {
    expect(viewProfile(cell, profile).sentences[0]).toBe(
      "20 requests of 64 tokens at concurrency 4, 1 of which failed, recorded for 9.50 s with nsys 2025.6.1 on 2026-11-24 12:00 UTC.",
    );
    expect(viewProfile(cell, profile).files).toEqual(["cells/vllm--m/profile/server.nsys-rep (2.86 MiB)"]);
  });

  it("has no table of what was not recorded, and no figure in place of one that is not known", () => {
    const [kernels, ...others] = viewProfile(cell, profile).tables;
    expect(others).toEqual([]);
    expect(kernels?.caption).toBe("What ran on the GPU: all 7, 88.3 ms in all");
    expect(kernels?.groups[0]?.rows[0]?.slice(1).map(({ text }) => text)).toEqual([
      "69.8",
      "61.6",
      "16,448",
      "3.75",
      "3.74",
      "5.73",
    ]);
  });

  it("says which variables were withheld, and when other processes are in the report", () => {
    const { sentences } = viewProfile(cell, {
      ...profile,
      withheld: ["HF_TOKEN", "NGC_API_KEY"],
      isolated: false,
    });
    expect(sentences.join("\n")).toMatch(/without HF_TOKEN and NGC_API_KEY: .*\n.*other processes/);
  });
});
