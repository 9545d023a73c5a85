import { describe, expect, it } from "vitest";
import { type Trace, traceOf } from "../../src/calibration/trace.ts";
import type { RequestRecord } from "../../src/load/record.ts";
import { type RequestInWords, request } from "../results/records.ts";

async function trace(words: readonly RequestInWords[], lengthMs: number, span?: readonly [number, number]) {
  const records = words.map((one, i) => request(one, i));
  const [first, last] = span ?? [
    Math.min(...words.map(({ sent }) => sent ?? 0)),
    Math.max(...records.map(({ endUs }) => endUs / 1000)),
  ];
  const made = await traceOf(each(records), { firstUs: first * 1000, lastUs: last * 1000 }, lengthMs * 1000);
  if (made === undefined) throw new Error("there is nothing in it");
  return made;
}

async function* each(records: readonly RequestRecord[]): AsyncGenerator<RequestRecord> {
  yield* records;
}

/** Of each request its writes, ms. */
function writesOf({ script }: Trace): number[][] {
  const { starts, atUs } = script;
  return Array.from({ length: starts.length - 1 }, (_, i) =>
    Array.from(atUs.subarray(starts[i], starts[i + 1]), (us) => us / 1000),
  );
}

describe("a measurement that is short", () => {
  it("is replayed from its first request to its last read, in its own time", async () => {
    const made = await trace(
      [
        { sent: 100, reads: [150, 160, { at: 170, chunks: 3 }] },
        { sent: 171, reads: [221, 231] },
      ],
      5000,
    );
    expect(Array.from(made.sentUs)).toEqual([0, 71_000]);
    expect(writesOf(made)).toEqual([
      [50, 60, 70],
      [121, 131],
    ]);
    expect(Array.from(made.script.chunks)).toEqual([1, 1, 3, 1, 1]);
    expect(made.whole).toEqual([true, true]);
    expect(made.lengthUs).toBe(132_000);
  });

  it("has a connection for each stream, on which its requests follow each other", async () => {
    const made = await trace(
      [
        { sent: 0, reads: [50], end: 60 },
        { sent: 5, reads: [55], end: 65 },
        { sent: 60, reads: [110], end: 120 },
        { sent: 65, reads: [115], end: 125 },
        { sent: 66, reads: [116], end: 126 },
      ],
      5000,
    );
    expect(made.lanes).toEqual([[0, 2], [1, 3], [4]]);
  });
});

describe("reads that follow each other closely", () => {
  it("are one burst, which the null server writes at once", async () => {
    const made = await trace(
      [
        { sent: 0, reads: [50, 60] },
        { sent: 1, reads: [50.1, 60.4] },
        { sent: 2, reads: [50.2] },
      ],
      5000,
    );
    expect(writesOf(made)).toEqual([[50, 60], [50, 60.4], [50]]);
  });

  it("are no burst of more than 10 ms, however long they go on", async () => {
    const reads = Array.from({ length: 200 }, (_, k) => 50 + k * 0.1);
    const made = await trace([{ sent: 0, reads }], 5000);
    expect([...new Set(writesOf(made).flat())]).toEqual([50, expect.closeTo(60.1, 5)]);
  });
});

describe("a measurement that is long", () => {
  const long = Array.from({ length: 10 }, (_, i) => ({
    sent: i * 1000,
    reads: Array.from({ length: 9 }, (_, k) => i * 1000 + 100 + k * 100),
    end: i * 1000 + 950,
  }));

  it("is cut to its middle; what was in flight there is sent ahead and counts as begun before", async () => {
    const made = await trace(long, 2000, [500, 9500]);
    // From 4000 to 6000.
    expect(made.whole).toEqual([true, true]);
    const across = await trace(long, 2000, [1000, 9950]);
    // From 4475 to 6475: the first was in flight, so there are 200 ms before the slice.
    expect(across.whole).toEqual([false, true, true]);
    expect(Array.from(across.sentUs)).toEqual([0, 725_000, 1_725_000]);
    expect(writesOf(across)[0]).toEqual([225, 325, 425, 525, 625]);
    expect(writesOf(across)[2]).toEqual([1825, 1925, 2025, 2125]);
  });

  it("has nothing to replay where nothing was read", async () => {
    await expect(trace([{ sent: 0, error: "refused" }], 1000)).rejects.toThrow("nothing in it");
  });
});
