import type { Clock } from "./clock.ts";

/** Node's timers count whole milliseconds and may fire one late: the last stretch is waited out turn by turn. */
const lastStretchUs = 1500;

export interface PreciseTimer {
  cancel(): void;
}

/**
 * Calls `callback` once, at the first turn of the event loop at or after `atUs` of the clock, never before. Sleeps
 * until shortly before, then looks at the clock each turn (which reads sockets as they come), so it is late by a turn,
 * not by a millisecond.
 */
export function callAt(clock: Clock, atUs: number, callback: () => void): PreciseTimer {
  let timer: NodeJS.Timeout | undefined;
  let turn: NodeJS.Immediate | undefined;
  const look = () => {
    const leftUs = atUs - clock.nowUs();
    const sleepMs = Math.floor((leftUs - lastStretchUs) / 1000);
    if (leftUs <= 0) callback();
    else if (sleepMs >= 1) timer = setTimeout(look, sleepMs);
    else turn = setImmediate(look);
  };
  // Never within this call, so that the caller has the timer before the callback runs.
  turn = setImmediate(look);
  return {
    cancel: () => {
      if (timer !== undefined) clearTimeout(timer);
      if (turn !== undefined) clearImmediate(turn);
    },
  };
}

/**
 * Calls `callback` once, a millisecond or two after `atUs` of the clock at the latest, and waits without looking: a thousand
 * streams that looked each turn while they wait for their start would take a core from what is measured.
 */
export function callSoonAfter(clock: Clock, atUs: number, callback: () => void): PreciseTimer {
  const timer = setTimeout(callback, Math.max(0, Math.ceil((atUs - clock.nowUs()) / 1000)));
  return { cancel: () => clearTimeout(timer) };
}
