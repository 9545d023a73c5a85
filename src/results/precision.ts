import type { RequestRecord } from "../load/record.ts";
import { independentCount } from "./correlation.ts";
import { tokensAfterFirst } from "./request-table.ts";
import type { LatencySummary, Metrics } from "./schema/metrics.ts";
import type { Ending, StoredLoad } from "./schema/summary.ts";
import type { Reason } from "./schema/verdict.ts";
import { latencyMeanInterval, moments } from "./statistics.ts";
import { percent } from "./thresholds.ts";

/** Fewest answers before a load may be held precise. */
const FIRST_LOOK = 30;
/** And how many more there are at each further look. */
const GROWTH = 1.25;
/** Looks in a row at which it must be precise: a sample that is narrow by chance alone seldom is so twice. */
const LOOKS_IN_A_ROW = 2;

/** An open loop begins with an empty server: what comes in this share of its schedule does not count (see window.ts). */
const RAMP_SHARE = 0.1;

type Settings = Pick<StoredLoad, "arrival" | "concurrency" | "precision">;

/**
 * Says when the means of a load are as precise as asked: half the width of the 95 % intervals of TTFT and TPOT (without
 * TPOT: E2E) over the mean. It looks at 30 answers (closed loop: at least three a stream), and then each time there are a
 * quarter more; it ends where they are precise at two looks running. A fixed-width sequential interval (Chow and Robbins,
 * Ann. Math. Statist. 36 (1965) 457), looked at seldom and of dependent samples, as Law and Carson do (Operations Research
 * 27 (1979) 1011). That it still holds the truth in 95 % is shown by test/statistics.
 */
export class PrecisionRule {
  readonly #asked: number;
  readonly #open: boolean;
  readonly #endTokenCounted: boolean;
  /** By request number, so that they stand in the order of sending; NaN where a request has none. */
  readonly #columns = {
    scheduled: new Float64Array(256),
    ttft: new Float64Array(256),
    e2e: new Float64Array(256),
    tpot: new Float64Array(256),
  };
  #length = 0;
  #answers = 0;
  #nextLook: number;
  #inARow = 0;
  #expected = 0;

  constructor(load: Settings & { readonly precision: number }, endTokenCounted: boolean) {
    this.#asked = load.precision;
    this.#open = load.arrival !== "closed";
    this.#endTokenCounted = endTokenCounted;
    this.#nextLook = Math.max(FIRST_LOOK, 3 * (load.concurrency ?? 0));
    for (const column of Object.values(this.#columns)) column.fill(Number.NaN);
  }

  get reached(): boolean {
    return this.#inARow >= LOOKS_IN_A_ROW;
  }

  /** Answers that it may take in all, as the spread was at the last look; 0 before the first. */
  get expectedAnswers(): number {
    return this.#expected;
  }

  /** Takes what came of a request; true once the means are as precise as asked. */
  saw(record: RequestRecord): boolean {
    if (this.reached) return true;
    const { sentUs, firstTextUs, lastTextUs, scheduledUs, i } = record;
    const counts = this.#open || record.phase === "measured";
    if (!counts || record.error !== undefined) return false;
    if (sentUs === undefined || firstTextUs === undefined || lastTextUs === undefined) return false;
    this.#makeRoom(i + 1);
    const begunUs = this.#open ? scheduledUs : sentUs;
    const { scheduled, ttft, e2e, tpot } = this.#columns;
    scheduled[i] = scheduledUs;
    ttft[i] = firstTextUs - begunUs;
    e2e[i] = lastTextUs - begunUs;
    const tokens = tokensAfterFirst(record, this.#endTokenCounted);
    tpot[i] = tokens > 0 ? (lastTextUs - firstTextUs) / tokens : Number.NaN;
    this.#answers++;
    if (this.#answers < this.#nextLook) return false;
    this.#nextLook = Math.ceil(this.#answers * GROWTH);
    this.#look();
    return this.reached;
  }

  #makeRoom(length: number): void {
    this.#length = Math.max(this.#length, length);
    for (const name of ["scheduled", "ttft", "e2e", "tpot"] as const) {
      const column = this.#columns[name];
      if (column.length >= length) continue;
      const larger = new Float64Array(2 * length).fill(Number.NaN);
      larger.set(column);
      this.#columns[name] = larger;
    }
  }

  #look(): void {
    const from = this.#open ? this.#rampEnd() : 0;
    const of = (column: Float64Array) =>
      column.subarray(from, this.#length).filter((us) => !Number.isNaN(us));
    const ttft = of(this.#columns.ttft);
    const tpot = of(this.#columns.tpot);
    const second = isCommon(tpot.length, ttft.length) ? tpot : of(this.#columns.e2e);
    const widths = [ttft, second].map((values) => this.#width(values));
    const widest = Math.max(...widths);
    this.#inARow = widest <= this.#asked ? this.#inARow + 1 : 0;
    this.#expected = Math.ceil(Math.max(this.#nextLook, this.#answers * (widest / this.#asked) ** 2));
  }

  /** Number of the first request past the ramp. */
  #rampEnd(): number {
    const scheduled = this.#columns.scheduled.subarray(0, this.#length);
    const times = scheduled.filter((us) => !Number.isNaN(us));
    const first = times[0] as number;
    const e2e = this.#columns.e2e.subarray(0, this.#length).filter((us) => !Number.isNaN(us));
    const length = Math.max(RAMP_SHARE * ((times.at(-1) as number) - first), moments(e2e).mean);
    return Math.max(
      0,
      scheduled.findIndex((us) => us >= first + length),
    );
  }

  /** Half the width of the mean's interval over the mean; infinite where there is none. */
  #width(values: Float64Array): number {
    const ofAll = moments(values);
    const independent = halfWidth(ofAll.mean, latencyMeanInterval(ofAll, values.length, values.length));
    // Dependence only widens it, and costs more to find than all the rest.
    if (independent === null) return Number.POSITIVE_INFINITY;
    if (independent > this.#asked) return independent;
    // Not first asked whether they depend on each other at all, as the printed interval is: of few samples nobody can tell.
    const effective = independentCount(values);
    return (
      halfWidth(ofAll.mean, latencyMeanInterval(ofAll, values.length, effective)) ?? Number.POSITIVE_INFINITY
    );
  }
}

/** TPOT is one of the headlines where at least half of the answers have one. */
function isCommon(withTpot: number, answers: number): boolean {
  return 2 * withTpot >= answers;
}

function halfWidth(mean: number, interval: readonly [number, number] | undefined): number | null {
  if (interval === undefined) return null;
  return mean > 0 ? (interval[1] - interval[0]) / 2 / mean : 0;
}

/** How precise a measurement's headlines are. Undefined where its load asks for no precision. */
export function endingOf(load: StoredLoad, metrics: Metrics, by: Ending["by"]): Ending | undefined {
  if (load.precision === undefined) return undefined;
  const open = load.arrival !== "closed";
  const ttft = (open ? metrics.userTtftMs : undefined) ?? metrics.ttftMs;
  const e2e = (open ? metrics.userE2eMs : undefined) ?? metrics.e2eMs;
  const { tpotMs } = metrics;
  const width = ({ mean, intervals }: LatencySummary) => halfWidth(mean ?? 0, intervals.mean);
  const second = isCommon(tpotMs.count, ttft.count) ? { tpot: width(tpotMs) } : { e2e: width(e2e) };
  return { by, asked: load.precision, reached: { ttft: width(ttft), ...second } };
}

const NAMES = { ttft: "TTFT", tpot: "TPOT", e2e: "E2E" } as const;

/** Says where a load that goes on until it is precise ended. */
export function judgeEnding(load: StoredLoad, answers: number, ending: Ending | undefined): Reason[] {
  if (ending === undefined || ending.by === "interrupted") return [];
  const { asked, reached, by } = ending;
  const names = (["ttft", "tpot", "e2e"] as const).filter((name) => reached[name] !== undefined);
  const widths = names.map((name) => reached[name] ?? null);
  const worst = widths.includes(null) ? undefined : Math.max(...widths.map((width) => width ?? 0));
  const figures = names
    .map((name, i) => {
      const width = widths[i] ?? null;
      return `mean ${NAMES[name]} ${width === null ? "has no interval" : `± ${percent(width)}`}`;
    })
    .join(", ");
  const precise = worst !== undefined && worst <= asked;
  const value = worst === undefined ? {} : { value: worst };
  const limits = {
    precision: "it was as precise as asked before the last answers came in",
    requests: `its limit of ${load.requests} requests`,
    time: `its limit of ${load.durationSeconds} s`,
    failures: "too many failed requests",
  };
  if (precise || by === "precision") {
    const last = precise ? "" : `; ${limits.precision}`;
    return [
      {
        code: "precision-reached",
        status: "note",
        text: `It ended after ${answers} answers: ${figures} (asked: ± ${percent(asked)}${last}).`,
        ...value,
        threshold: asked,
      },
    ];
  }
  return [
    {
      code: "precision-not-reached",
      status: "suspect",
      text: `It ended at ${limits[by]}, after ${answers} answers: ${figures} (asked: ± ${percent(asked)}).`,
      ...value,
      threshold: asked,
      curable: false,
    },
  ];
}
