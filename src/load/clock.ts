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
  const { ms, hrtimeNs } = readBoth();
  return { epochMs: Date.now(), hrtimeNs: hrtimeNs.toString(), nowUs: () => (performance.now() - ms) * 1000 };
}

/** A clock that another thread or process of this machine has started, to be read here: the same times. */
export function joinClock({ epochMs, hrtimeNs }: Omit<Clock, "nowUs">): Clock {
  const here = readBoth();
  const startMs = here.ms - Number(here.hrtimeNs - BigInt(hrtimeNs)) / 1e6;
  return { epochMs, hrtimeNs, nowUs: () => (performance.now() - startMs) * 1000 };
}

/** What turns a time of a clock into one of `process.hrtime`, which all processes of a machine share; microseconds. */
export function hrtimeUsOf(clock: Pick<Clock, "hrtimeNs">): number {
  return Number(clock.hrtimeNs) / 1000;
}

function readBoth(): { readonly ms: number; readonly hrtimeNs: bigint } {
  // Node makes `performance` when it is first looked at, which takes half a millisecond.
  performance.now();
  const beforeMs = performance.now();
  const hrtimeNs = process.hrtime.bigint();
  return { ms: (beforeMs + performance.now()) / 2, hrtimeNs };
}
