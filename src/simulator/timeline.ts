/** Time as the simulator sees it: real, or made by a test. */
export interface Timeline {
  /** Microseconds of the host's monotonic clock: comparable with `process.hrtime` of every process on this host. */
  nowUs(): number;
  /** Calls back at an absolute time, as exactly as the host allows. One such call may be pending at a time. */
  at(us: number, call: () => void): void;
  /** Calls back in so many milliseconds, without exactness (0: as soon as sockets had a turn); the result cancels it. */
  later(ms: number, call: () => void): () => void;
}

/** Node's timers count whole milliseconds and may be one late: the rest of the way is waited for in small naps. */
const timerMarginUs = 1_100;
const napMs = 0.1;
const spinUs = 180;

/**
 * Real time. Exact to some tens of microseconds on an idle core: a timer up to a millisecond before the deadline, then
 * naps of 0.1 ms (asleep, so that another process may have the core) between polls of the sockets, then a short spin.
 */
export function createRealTimeline(): Timeline {
  // Node makes `performance` when it is first looked at, which takes half a millisecond.
  performance.now();
  const offsetUs = Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000;
  const nowUs = () => performance.now() * 1000 + offsetUs;
  const napping = new Int32Array(new SharedArrayBuffer(4));

  const approach = (us: number, call: () => void) => {
    const remaining = us - nowUs();
    if (remaining <= 0) {
      call();
    } else if (remaining > timerMarginUs + 1000) {
      setTimeout(approach, Math.floor((remaining - timerMarginUs) / 1000), us, call);
    } else {
      if (remaining > spinUs + napMs * 1000) Atomics.wait(napping, 0, 0, napMs);
      setImmediate(approach, us, call);
    }
  };
  return {
    nowUs,
    // Never in the caller's turn: steps without length must let the sockets speak in between.
    at: (us, call) => (us <= nowUs() ? void setImmediate(call) : approach(us, call)),
    later: (ms, call) => {
      if (ms === 0) {
        const next = setImmediate(call);
        return () => clearImmediate(next);
      }
      const timer = setTimeout(call, ms);
      return () => clearTimeout(timer);
    },
  };
}

/** Time that a test moves: nothing happens until `advance` or `run`. */
export interface VirtualTimeline extends Timeline {
  /** Runs everything due up to `us` later, in order of time. */
  advance(us: number): void;
  /** Runs until nothing is pending, or `limitUs` later. */
  run(limitUs?: number): void;
}

export function createVirtualTimeline(startUs = 1_000_000): VirtualTimeline {
  let now = startUs;
  let order = 0;
  const pending = new Map<number, { us: number; call: () => void }>();
  const schedule = (us: number, call: () => void) => {
    pending.set(order, { us: Math.max(us, now), call });
    return order++;
  };
  const runUntil = (limit: number) => {
    for (;;) {
      let next: number | undefined;
      for (const [id, { us }] of pending) {
        if (us <= limit && (next === undefined || us < (pending.get(next)?.us ?? Infinity))) next = id;
      }
      const due = next === undefined ? undefined : pending.get(next);
      if (next === undefined || due === undefined) return;
      pending.delete(next);
      now = due.us;
      due.call();
    }
  };
  return {
    nowUs: () => now,
    at: (us, call) => void schedule(us, call),
    later: (ms, call) => {
      const id = schedule(now + ms * 1000, call);
      return () => void pending.delete(id);
    },
    advance: (us) => {
      const limit = now + us;
      runUntil(limit);
      now = limit;
    },
    run: (limitUs = Infinity) => runUntil(now + limitUs),
  };
}
