import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readNumber, splitCsvLine } from "../../src/profiling/csv.ts";
import { cutTable, readMemoryTable, readTimeTable } from "../../src/profiling/tables.ts";

const fixture = (name: string) => readFileSync(new URL(`../fixtures/nsys/${name}`, import.meta.url), "utf8");

describe("a line of CSV", () => {
  it("keeps commas and quotes of a quoted field", () => {
    expect(splitCsvLine('1,"void f<(int)4>(int, ""x"")",3')).toEqual(["1", 'void f<(int)4>(int, "x")', "3"]);
    expect(splitCsvLine('"a",,""')).toEqual(["a", "", ""]);
    expect(splitCsvLine("a,")).toEqual(["a", ""]);
  });

  it("has numbers with a point or, under another locale, a comma", () => {
    expect(readNumber("12.5")).toBe(12.5);
    expect(readNumber("160,778")).toBe(160.778);
    expect(readNumber("")).toBeUndefined();
    expect(readNumber("nan")).toBeUndefined();
  });
});

describe("a recorded table of kernels", () => {
  const table = readTimeTable(fixture("recorded-prefill/cuda_gpu_kern_sum.csv"));

  it("has its rows, longest first, with shares of the whole", () => {
    expect(table?.names).toBe(13);
    expect(table?.count).toBe(32 + 224 + 193 + 32 + 32 + 63 + 1 + 32 + 65 + 2 + 1 + 1 + 1);
    expect(table?.totalMs).toBeCloseTo(1958.85, 1);
    expect(table?.rows[0]).toEqual({
      name: "flash_attention_prefill_f16",
      count: 32,
      totalMs: 1707.204307,
      share: expect.closeTo(0.872, 3),
      meanUs: expect.closeTo(53350.1346, 6),
      medianUs: 53000.722,
      minUs: 51807.255,
      maxUs: 57816.302,
    });
  });

  it("agrees with the percentages that nsys itself prints", () => {
    const printed = fixture("recorded-prefill/cuda_gpu_kern_sum.csv").trim().split("\n").slice(1);
    const shares = table?.rows.map(({ share }) => Math.round(share * 1000) / 10);
    expect(shares).toEqual(printed.map((line) => Number(line.split(",")[0])));
  });

  it("reads the long names of C++ whole", () => {
    const names = readTimeTable(fixture("recorded-decode/cuda_gpu_kern_sum.csv"))?.rows.map(
      ({ name }) => name,
    );
    expect(names).toHaveLength(7);
    expect(names?.[0]).toMatch(/^std::enable_if<!T7, void>::type internal::gemvx::kernel<.*>\(T13\)$/);
  });
});

describe("tables of other versions", () => {
  it("have calls in place of instances", () => {
    const table = readTimeTable(fixture("recorded-prefill/cuda_api_sum.csv"));
    expect(table?.rows[2]).toMatchObject({ name: "cuLaunchKernel", count: 455, totalMs: 188.68334 });
  });

  it("come from the old reports too", () => {
    const table = readTimeTable(fixture("recorded-cpu/osrt_sum.csv"));
    expect(table?.rows[0]?.name).toBe("pthread_cond_wait");
  });

  it("have units in their headers, which are obeyed", () => {
    const [ns, ms, bare] = ["(ns)", "(ms)", ""].map(
      (unit) => readTimeTable(`Total Time ${unit},Instances,Avg ${unit},Name\n3,2,1.5,k\n`)?.rows[0],
    );
    expect(ns).toMatchObject({ totalMs: 3e-6, meanUs: 1.5e-3 });
    expect(ms).toMatchObject({ totalMs: 3, meanUs: 1500 });
    expect(bare).toEqual(ns);
  });

  it("may leave columns out: what is not said is null, or follows from the rest", () => {
    expect(readTimeTable("Total Time (ns),Instances,Name\n3000,2,k\n")?.rows[0]).toEqual({
      name: "k",
      count: 2,
      totalMs: 0.003,
      share: 1,
      meanUs: 1.5,
      medianUs: null,
      minUs: 1.5,
      maxUs: 1.5,
    });
  });

  it("keep a name with commas that nsys did not quote", () => {
    expect(readTimeTable("Total Time (ns),Instances,Name\n3,2,void f<4, 5>(int)\n")?.rows[0]?.name).toBe(
      "void f<4, 5>(int)",
    );
  });

  it("of a unit that is not known are no table", () => {
    expect(readTimeTable("Total Time (weeks),Instances,Name\n3,2,k\n")).toBeUndefined();
  });
});

describe("memory operations", () => {
  const table = readMemoryTable(
    fixture("synthetic/cuda_gpu_mem_time_sum.csv"),
    fixture("synthetic/cuda_gpu_mem_size_sum.csv"),
  );

  it("have times and sizes side by side; an operation without a size has none", () => {
    expect(table?.rows.map(({ name, totalMs, megabytes }) => [name, totalMs, megabytes])).toEqual([
      ["[CUDA memcpy Host-to-Device]", 3, 36],
      ["[CUDA memcpy Device-to-Host]", 1.9, 9.5],
      ["[CUDA memset]", 0.1, undefined],
    ]);
  });

  it("have their sizes in 10⁶ bytes whatever the header's unit", () => {
    const sizes = "Total (KiB),Count,Operation\n1000,1,[CUDA memset]\n";
    const times = "Total Time (ns),Count,Operation\n5,1,[CUDA memset]\n";
    expect(readMemoryTable(times, sizes)?.rows[0]?.megabytes).toBeCloseTo(1.024);
  });
});

describe("ranges that an engine marks", () => {
  it("have their name after their style", () => {
    expect(readTimeTable(fixture("synthetic/nvtx_sum.csv"))?.rows.map(({ name }) => name)).toEqual([
      ":execute_model",
      ":sample, greedy",
    ]);
  });
});

describe("what nsys stats prints", () => {
  const table = fixture("recorded-prefill/cuda_api_sum.csv");

  it("holds the table after what nsys says first, and before what it says last", () => {
    const said = `\nNOTICE: Existing SQLite export found: a.sqlite\n        It is assumed, that\n\nProcessing [a.sqlite] with [cuda_api_sum.py]... \n${table}\nExporting 525 events: [100%]\n`;
    expect(cutTable(said)).toBe(table);
  });

  it("holds none where the recording has nothing of the kind, nor where a report failed in silence", () => {
    expect(cutTable(fixture("recorded-cpu/said-gpukernsum.txt"))).toBeUndefined();
    expect(cutTable("")).toBeUndefined();
    expect(cutTable("Time (%),Total Time (ns),Instances,Name\n")).toBeUndefined();
  });
});
