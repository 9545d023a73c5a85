/** One monotonic clock for everything a run records: whole microseconds since `start`. */
export interface Clock {
  /** Wall clock at `start`, milliseconds since the epoch: places the run in the day, never used for durations. */
  readonly epochMs: number;
  /** `process.hrtime.bigint()` at `start`, as a string since it exceeds a JSON number. */
  readonly hrtimeNs: string;
  /** Microseconds since `start`; not rounded. */
  nowUs(): number;
}

/** Starts a clock. Its two time bases are read together to within a few microseconds. */
export function startClock(): Clock {
  // Node makes `performance` when it is first looked at, which takes half a millisecond.
  performance.now();
  const beforeMs = performance.now();
  const hrtimeNs = process.hrtime.bigint();
  const startMs = (beforeMs + performance.now()) / 2;
  return {
    epochMs: Date.now(),
    hrtimeNs: hrtimeNs.toString(),
    nowUs: () => (performance.now() - startMs) * 1000,
  };
}
