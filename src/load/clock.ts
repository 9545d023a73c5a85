/** One monotonic clock for everything a run records: whole microseconds since `start`. */
export interface Clock {
  /** Wall clock at `start`, milliseconds since the epoch: places the run in the day, never used for durations. */
  readonly epochMs: number;
  /** `process.hrtime.bigint()` at `start`, as a string since it exceeds a JSON number. */
  readonly hrtimeNs: string;
  /** Microseconds since `start`; not rounded. */
  nowUs(): number;
}

export function startClock(): Clock {
  const hrtimeNs = process.hrtime.bigint();
  const startMs = performance.now();
  return {
    epochMs: Date.now(),
    hrtimeNs: hrtimeNs.toString(),
    nowUs: () => (performance.now() - startMs) * 1000,
  };
}
