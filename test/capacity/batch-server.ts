import { createRandom, type Random } from "../../src/load/random.ts";
import { arrivals } from "../../src/load/schedule.ts";

/** A server that batches as src/simulator/batch.ts does, in simulated time: thousands of requests in a millisecond. */
export interface BatchServer {
  /** Prefill of all that were admitted together: fixed part and part a sequence, ms. */
  readonly prefillMs: number;
  readonly prefillMsPerSequence: number;
  /** Decode step of a batch of one, ms, and what each further sequence adds, ms. */
  readonly decodeMs: number;
  readonly decodeMsPerSequence: number;
  /** Largest batch; more requests queue. */
  readonly maxBatch: number;
  /** Output tokens of one request, at least 1. */
  outputTokens(random: Random): number;
  readonly slos: { readonly ttftMs?: number; readonly tpotMs?: number };
}

export interface ServedLoad {
  readonly good: number;
  /** Those that were judged: the ones after the ramp. */
  readonly all: number;
  readonly seconds: number;
  readonly meanE2eSeconds: number;
}

/** As in src/results/capacity/probe-points.ts. */
const TRIM: readonly [number, number] = [0.2, 0.02];

export type ServerLoad = { readonly ratePerSecond: number } | { readonly concurrency: number };

/**
 * So many requests at a Poisson rate, or from so many streams, judged as a search's probes are: without the first fifth
 * and the last fiftieth, at least a mean answer's time.
 * Same seed, same numbers.
 */
export function serve(server: BatchServer, load: ServerLoad, requests: number, seed: number): ServedLoad {
  const lengths = createRandom(seed, "lengths");
  const due =
    "ratePerSecond" in load
      ? arrivals({ arrival: "poisson", ratePerSecond: load.ratePerSecond, outputTokens: 1 }, seed)
      : undefined;
  const streams = "concurrency" in load ? Math.min(load.concurrency, requests) : 0;
  const scheduled = new Float64Array(requests);
  const first = new Float64Array(requests);
  const last = new Float64Array(requests);
  const left = new Int32Array(requests);
  const tokens = new Int32Array(requests);
  let drawn = 0;
  let next = Number.POSITIVE_INFINITY;
  const draw = (): void => {
    next = drawn >= requests || due === undefined ? Number.POSITIVE_INFINITY : due.next().value / 1000;
  };
  const arrive = (atMs: number): number => {
    scheduled[drawn] = atMs;
    tokens[drawn] = left[drawn] = server.outputTokens(lengths);
    return drawn++;
  };
  const waiting: number[] = [];
  const takeArrivals = (untilMs: number): void => {
    for (;;) {
      if (next > untilMs) return;
      waiting.push(arrive(next));
      draw();
    }
  };
  let head = 0;
  draw();
  for (let i = 0; i < streams; i++) waiting.push(arrive(0));
  let running: number[] = [];
  let now = 0;
  for (;;) {
    if (running.length === 0 && head === waiting.length) {
      if (next === Number.POSITIVE_INFINITY) break;
      now = Math.max(now, next);
    }
    takeArrivals(now);
    const admitted = Math.min(server.maxBatch - running.length, waiting.length - head);
    if (admitted > 0) {
      now += server.prefillMs + server.prefillMsPerSequence * admitted;
      for (let i = 0; i < admitted; i++) {
        const id = waiting[head++] as number;
        first[id] = now;
        running.push(id);
        left[id] = (left[id] as number) - 1;
      }
    } else {
      now += server.decodeMs + server.decodeMsPerSequence * (running.length - 1);
      for (const id of running) left[id] = (left[id] as number) - 1;
    }
    const ended = running.filter((id) => (left[id] as number) <= 0);
    if (ended.length === 0) continue;
    running = running.filter((id) => (left[id] as number) > 0);
    for (const id of ended) {
      last[id] = now;
      if (streams > 0 && drawn < requests) waiting.push(arrive(now));
    }
  }
  return judge(server.slos, { scheduled, first, last, tokens });
}

/** Times in ms, as a search's probes are judged. */
export function judge(
  slos: BatchServer["slos"],
  of: Readonly<Record<"scheduled" | "first" | "last", Float64Array>> & { readonly tokens: Int32Array },
): ServedLoad {
  const { scheduled, first, last, tokens } = of;
  const [start, tail] = TRIM;
  const n = scheduled.length;
  let e2e = 0;
  for (let i = 0; i < n; i++) e2e += ((last[i] as number) - (scheduled[i] as number)) / n;
  const end = scheduled[n - 1] as number;
  const begin = Math.max(start * end, e2e);
  const stop = end - Math.max(tail * end, e2e);
  let good = 0;
  let all = 0;
  for (let i = 0; i < n; i++) {
    if ((scheduled[i] as number) < begin || (scheduled[i] as number) > stop) continue;
    all++;
    const ttft = (first[i] as number) - (scheduled[i] as number);
    const after = (tokens[i] as number) - 1;
    const tpot = after === 0 ? 0 : ((last[i] as number) - (first[i] as number)) / after;
    const met = ttft <= (slos.ttftMs ?? Infinity) && tpot <= (slos.tpotMs ?? Infinity);
    if (met) good++;
  }
  return { good, all, seconds: end / 1000, meanE2eSeconds: e2e / 1000 };
}
