import { e2eMs, tpotMs, ttftMs, userE2eMs, userTtftMs } from "./latencies.ts";
import type { Sample } from "./sample.ts";
import type { Reason } from "./schema/verdict.ts";
import { findUnsteady, type Unsteady } from "./steadiness.ts";
import { percent } from "./thresholds.ts";

/** A latency that was not the same all the time, by its name. */
export interface UnsteadyLatency extends Unsteady {
  readonly latency: "TTFT" | "TPOT" | "E2E";
  /** Requests that it was looked for in. */
  readonly count: number;
}

/** Looks at the headlines of a measurement: TTFT, and TPOT or, where most answers have none, E2E. */
export function findUnsteadyLatencies({ load, table, ok }: Sample): UnsteadyLatency[] {
  const open = load.arrival !== "closed";
  const valuesOf = (of: typeof ttftMs) =>
    Float64Array.from(ok, (i) => of(table, i)).filter((value) => Number.isFinite(value));
  const ttft = valuesOf(open ? userTtftMs : ttftMs);
  const tpot = valuesOf(tpotMs);
  const second =
    2 * tpot.length >= ttft.length
      ? ({ latency: "TPOT", values: tpot } as const)
      : ({ latency: "E2E", values: valuesOf(open ? userE2eMs : e2eMs) } as const);
  return [{ latency: "TTFT", values: ttft } as const, second].flatMap(({ latency, values }) => {
    const found = findUnsteady(values);
    return found === undefined ? [] : [{ ...found, latency, count: values.length }];
  });
}

/** One reason of a kind, with the latency in which it is the worst. */
export function judgeSteadiness(unsteady: readonly UnsteadyLatency[]): Reason[] {
  return (["warm-up", "drift"] as const).flatMap((kind): Reason[] => {
    const [worst, ...others] = unsteady
      .filter((each) => each.kind === kind)
      .sort((a, b) => Math.abs(b.bias) - Math.abs(a.bias));
    if (worst === undefined) return [];
    const too = others
      .map(({ latency, change }) => ` ${latency} too, by ${percent(Math.abs(change))}.`)
      .join("");
    const value = worst.bias;
    if (kind === "drift")
      return [
        {
          code: "drift",
          status: "suspect",
          text: `${worst.latency} ${worst.change > 0 ? "rose" : "fell"} all the time: its mean in the last third of the ${worst.count} requests is ${percent(Math.abs(worst.change))} ${above(worst.change)} that in the first.${too}`,
          value,
        },
      ];
    return [
      {
        code: "warm-up-not-over",
        status: "suspect",
        text: `The first ${worst.first} of ${worst.count} requests had a mean ${worst.latency} ${percent(Math.abs(worst.change))} ${above(worst.change)} the rest, which moved the mean of all by ${percent(Math.abs(worst.bias))}.${too}`,
        value,
      },
    ];
  });
}

function above(change: number): string {
  return change > 0 ? "above" : "below";
}
