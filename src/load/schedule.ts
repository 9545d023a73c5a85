import { LlmbenchError } from "../error.ts";
import { createRandom } from "./random.ts";
import type { LoadSetting } from "./record.ts";

/**
 * When requests arrive in an open loop, in microseconds from the start, without end; the caller stops. `constant`: the
 * i-th at i / rate. `poisson`: gaps are exponential with mean 1 / rate, the first counted from the start; they are not
 * scaled to hit a total, since that would take away the spread between runs that Poisson arrivals have.
 */
export function* arrivals(load: LoadSetting, seed: number): Generator<number, never, undefined> {
  const rate = load.ratePerSecond ?? 0;
  if (load.arrival === "closed" || !(rate > 0)) throw new Error("arrivals are of open loops");
  if (load.arrival === "constant") {
    for (let i = 0; ; i++) yield (i * 1e6) / rate;
  }
  const random = createRandom(seed, "arrivals");
  let at = 0;
  for (;;) {
    at += (random.exponential() * 1e6) / rate;
    yield at;
  }
}

/**
 * When each stream of a closed loop begins, in microseconds from the start: spread over one request's duration, so
 * that streams do not run in step, as they would all their lives if they began together.
 */
export function streamStarts(concurrency: number, expectedE2eMs: number): number[] {
  return Array.from({ length: concurrency }, (_, k) => (k * expectedE2eMs * 1000) / concurrency);
}

/**
 * Microseconds from the start before which arrivals of an open loop are ramp: a tenth of the point, or one request; one
 * request where nobody knows yet how long the point will be.
 */
export function rampUs(load: LoadSetting, expectedE2eMs: number): number {
  if (load.precision !== undefined) return expectedE2eMs * 1000;
  const wholeSeconds = load.durationSeconds ?? (load.requests ?? 0) / (load.ratePerSecond ?? 1);
  return Math.max(wholeSeconds * 1e5, expectedE2eMs * 1000);
}

/** Throws LOAD_SETTING unless the setting says when requests start and when to stop. */
export function checkLoad(load: LoadSetting): void {
  const wrong = (what: string) =>
    new LlmbenchError("LOAD_SETTING", `this load cannot be made: ${what}`, {
      hint: "a closed loop needs a concurrency, an open loop a rate; both need a number of requests or a duration",
    });
  if (load.arrival === "closed") {
    if (!isCount(load.concurrency)) throw wrong(`a closed loop of concurrency ${load.concurrency}`);
    if (load.ratePerSecond !== undefined) throw wrong("a closed loop with a rate");
  } else {
    if (!isPositive(load.ratePerSecond))
      throw wrong(`an open loop of ${load.ratePerSecond} requests a second`);
    if (load.concurrency !== undefined) throw wrong("an open loop with a concurrency");
    if (load.maxConcurrency !== undefined && !isCount(load.maxConcurrency)) {
      throw wrong(`a cap of ${load.maxConcurrency} requests in flight`);
    }
  }
  if (load.requests === undefined && load.durationSeconds === undefined)
    throw wrong("neither requests nor duration");
  if (load.requests !== undefined && !isCount(load.requests)) throw wrong(`${load.requests} requests`);
  if (load.durationSeconds !== undefined && !isPositive(load.durationSeconds)) {
    throw wrong(`a duration of ${load.durationSeconds} s`);
  }
}

function isCount(value: number | undefined): boolean {
  return value !== undefined && Number.isInteger(value) && value > 0;
}

function isPositive(value: number | undefined): boolean {
  return value !== undefined && Number.isFinite(value) && value > 0;
}
