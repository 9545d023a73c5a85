import type { Clock } from "../load/clock.ts";

/** What turns a time of a clock into one of `process.hrtime`, which all processes of a machine share; microseconds. */
export function hrtimeUsOf(clock: Pick<Clock, "hrtimeNs">): number {
  return Number(clock.hrtimeNs) / 1000;
}
