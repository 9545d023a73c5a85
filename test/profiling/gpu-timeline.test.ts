import { createReadStream, readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GpuTrace } from "../../src/profiling/gpu-timeline.ts";

const path = fileURLToPath(new URL("../fixtures/nsys/synthetic/cuda_gpu_trace.csv", import.meta.url));

async function timelinesOf(source: Readable) {
  const trace = new GpuTrace();
  await pipeline(source, trace);
  return trace.timelines();
}

describe("the timeline of a GPU", () => {
  it("counts time once where operations of several streams overlap", async () => {
    // 1.0 to 1.8 ms busy, 5 µs idle, 1.805 to 2.0 busy, 2 ms idle, 4.0 to 5.0 busy.
    expect(await timelinesOf(createReadStream(path))).toEqual([
      {
        device: "NVIDIA A10 (0)",
        operations: 4,
        spanMs: 4,
        busyMs: expect.closeTo(1.995, 9),
        busyShare: expect.closeTo(1.995 / 4, 9),
        longestGapMs: 2,
        gaps: [
          { fromUs: 0, toUs: 10, count: 1, totalMs: 0.005 },
          { fromUs: 10, toUs: 100, count: 0, totalMs: 0 },
          { fromUs: 100, toUs: 1000, count: 0, totalMs: 0 },
          { fromUs: 1000, toUs: 10_000, count: 1, totalMs: 2 },
          { fromUs: 10_000, toUs: null, count: 0, totalMs: 0 },
        ],
      },
    ]);
  });

  it("is the same however the bytes are cut, and whatever nsys says before", async () => {
    const whole = await timelinesOf(createReadStream(path));
    const text = `\nProcessing [a.sqlite] with [gputrace.py]... \n${readFileSync(path, "utf8")}`;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 400 }), async (size) => {
        const bytes = Buffer.from(text);
        const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        expect(await timelinesOf(Readable.from(parts))).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });

  it("is one for each device, and none where nothing ran", async () => {
    const lines = "Start (ns),Duration (ns),Device,Name\n0,10,B (1),k\n0,20,A (0),k\n5,10,B (1),k\n";
    const two = await timelinesOf(Readable.from([Buffer.from(lines)]));
    expect(two.map(({ device, busyMs, busyShare }) => [device, busyMs, busyShare])).toEqual([
      ["A (0)", 20e-6, 1],
      ["B (1)", 15e-6, 1],
    ]);
    expect(await timelinesOf(Readable.from([Buffer.from("SKIPPED: no CUDA data\n")]))).toEqual([]);
  });

  it("splits its span into busy and idle, whatever ran", async () => {
    const operations = fc.array(fc.tuple(fc.nat(1_000_000), fc.nat(50_000)), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(operations, async (list) => {
        const lines = list.map(([start, duration]) => `${start},${duration},GPU,k`);
        const [gpu] = await timelinesOf(
          Readable.from([Buffer.from(["Start (ns),Duration (ns),Device,Name", ...lines].join("\n"))]),
        );
        const idleMs = gpu?.gaps.reduce((sum, { totalMs }) => sum + totalMs, 0) ?? 0;
        expect((gpu?.busyMs ?? 0) + idleMs).toBeCloseTo(gpu?.spanMs ?? -1, 9);
        // Counted the slow way, on every nanosecond at which something starts or ends.
        const ends = [...new Set(list.flatMap(([start, took]) => [start, start + took]))].sort(
          (a, b) => a - b,
        );
        const busyNs = ends.slice(1).reduce((sum, end, i) => {
          const from = ends[i] as number;
          return list.some(([start, took]) => start <= from && start + took >= end) ? sum + end - from : sum;
        }, 0);
        expect(gpu?.busyMs).toBeCloseTo(busyNs / 1e6, 9);
      }),
      { numRuns: 100 },
    );
  });
});
