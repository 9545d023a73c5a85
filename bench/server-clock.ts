import { readAllRecords } from "../src/load/record-reader.ts";
import type { RunFolder } from "../src/results/run-folder.ts";
import { readSample } from "../src/results/sample.ts";
import type { AbComparison, AbResult } from "../src/results/schema/ab.ts";

/** Milliseconds a token of A's and B's blocks, each the mean over the pairs, and the mean of the pairs' differences. */
interface Tpot {
  readonly a: number;
  readonly b: number;
  readonly difference: number;
}

/** TPOT of an A/B by our clock and by llama.cpp's own, over the same requests, ms. */
export async function tpotByBothClocks(
  run: RunFolder,
  { a, b }: AbResult,
  { pointA, pointB, differences }: AbComparison,
): Promise<{ readonly ours: Tpot; readonly servers: Tpot }> {
  const pairs = await Promise.all(
    differences.map(async ({ pair }) => ({
      a: await blockTpot(run, a, pointA, pair),
      b: await blockTpot(run, b, pointB, pair),
    })),
  );
  const mean = (of: (pair: (typeof pairs)[number]) => number) =>
    pairs.reduce((sum, pair) => sum + of(pair), 0) / pairs.length;
  const by = (clock: "ours" | "server"): Tpot => ({
    a: mean((pair) => pair.a[clock]),
    b: mean((pair) => pair.b[clock]),
    difference: mean((pair) => pair.b[clock] - pair.a[clock]),
  });
  return { ours: by("ours"), servers: by("server") };
}

/** Ours as its summary has it; the server's Σ predicted_ms / Σ (predicted_n − 1) over the requests that one is of. */
async function blockTpot(run: RunFolder, cell: string, point: string, pair: number) {
  const stored = await run.readSummary(cell, point, pair);
  if (!stored.found || stored.value.metrics.tpotMs.mean === null)
    throw new Error(`${cell} ${point} ${pair} has no TPOT`);
  const { header, records } = await readAllRecords(run.paths.measurement(cell, point, pair).records);
  const source = async function* () {
    yield* records;
  };
  const { ok } = await readSample(source, header.load, header.dialect?.endTokenCounted ?? false);
  let ms = 0;
  let gaps = 0;
  for (const index of ok) {
    const timings = records[index]?.serverTimings;
    if (timings === undefined) throw new Error(`${cell} ${point} ${pair}: an answer without timings`);
    ms += timings.predictedMs;
    gaps += timings.predictedTokens - 1;
  }
  return { ours: stored.value.metrics.tpotMs.mean, server: ms / gaps };
}

/** How far the two may be apart: 1 % of the server's, and 0.1 ms. */
export function allowedMs(servers: Tpot): number {
  return 0.01 * Math.abs(servers.difference) + 0.1;
}
