import { Writable } from "node:stream";
import type { GpuTimeline } from "../results/schema/profile.ts";
import { nanosecondsOf, readHeader, readNumber, splitCsvLine } from "./csv.ts";

/** Lower ends of the classes of gaps, µs: launch overhead, a small step of the host, a step of the scheduler, idle. */
const gapClassesUs = [0, 10, 100, 1000, 10_000] as const;

interface Operation {
  readonly startNs: number;
  readonly endNs: number;
}

/**
 * Takes the CSV of `cuda_gpu_trace` as it streams by (it has a line for each operation, hundreds of megabytes of a busy
 * server) and keeps starts and ends only.
 */
export class GpuTrace extends Writable {
  readonly #devices = new Map<string, Operation[]>();
  readonly #decoder = new TextDecoder();
  #rest = "";
  #places:
    | { start: number; duration: number; device: number; factors: readonly [number, number] }
    | undefined;

  override _write(part: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const lines = (this.#rest + this.#decoder.decode(part, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#take(line);
    done();
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#rest !== "") this.#take(this.#rest);
    this.#rest = "";
    done();
  }

  /** Of each device, once the stream is ended. */
  timelines(): GpuTimeline[] {
    return [...this.#devices]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([device, operations]) => timelineOf(device, operations));
  }

  #take(line: string): void {
    const fields = splitCsvLine(line.trimEnd());
    if (this.#places === undefined) {
      const header = readHeader(fields);
      const [start, duration, device] = ["start", "duration", "device"].map((name) =>
        header.findIndex((column) => column.name === name),
      ) as [number, number, number];
      if (start === -1 || duration === -1 || device === -1) return;
      const factors = [nanosecondsOf(header[start]?.unit), nanosecondsOf(header[duration]?.unit)] as const;
      if (factors[0] === undefined || factors[1] === undefined) return;
      this.#places = { start, duration, device, factors: [factors[0], factors[1]] };
      return;
    }
    const { start, duration, device, factors } = this.#places;
    const from = readNumber(fields[start]);
    const took = readNumber(fields[duration]);
    if (from === undefined || took === undefined) return;
    const name = fields[device] ?? "";
    const operations = this.#devices.get(name) ?? [];
    if (operations.length === 0) this.#devices.set(name, operations);
    operations.push({ startNs: from * factors[0], endNs: from * factors[0] + took * factors[1] });
  }
}

function timelineOf(device: string, operations: readonly Operation[]): GpuTimeline {
  const ordered = [...operations].sort((a, b) => a.startNs - b.startNs);
  const classes = gapClassesUs.map((fromUs, index) => ({
    fromUs,
    toUs: gapClassesUs[index + 1] ?? null,
    count: 0,
    totalMs: 0,
  }));
  const first = ordered[0]?.startNs ?? 0;
  let end = first;
  let idleNs = 0;
  let longestNs = 0;
  for (const { startNs, endNs } of ordered) {
    const gapNs = startNs - end;
    if (gapNs > 0) {
      idleNs += gapNs;
      longestNs = Math.max(longestNs, gapNs);
      const found = classes.findLast(({ fromUs }) => gapNs >= fromUs * 1e3);
      if (found !== undefined) {
        found.count += 1;
        found.totalMs += gapNs / 1e6;
      }
    }
    end = Math.max(end, endNs);
  }
  const spanNs = end - first;
  return {
    device,
    operations: ordered.length,
    spanMs: spanNs / 1e6,
    busyMs: (spanNs - idleNs) / 1e6,
    busyShare: spanNs === 0 ? 0 : (spanNs - idleNs) / spanNs,
    longestGapMs: longestNs / 1e6,
    gaps: classes,
  };
}
