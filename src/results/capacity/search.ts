import { type Interval, wilsonInterval } from "../statistics.ts";
import { fitShareCurve, intervalOfLoad, loadAt, type ShareCurve } from "./share-curve.ts";

export interface SearchOptions {
  /** What is raised: requests a second (Poisson arrivals), or requests in flight. */
  readonly by: "rate" | "concurrency";
  /** Share of requests that must meet every SLO, 0 to 1. */
  readonly target: number;
  /** Whole width of the interval, as a share of the capacity, at which the search ends. */
  readonly precision: number;
  readonly maxRequests: number;
  /** Sum of the probes' own times. */
  readonly maxSeconds?: number | undefined;
  /** Highest load that is tried. */
  readonly upTo: number;
}

/** What to measure next. `lone`: one stream, each request alone on the server. */
export interface Probe {
  readonly phase: "lone" | "bracket" | "refine";
  readonly load: number;
  readonly requests: number;
}

export interface ProbeOutcome {
  readonly good: number;
  /** Requests that were judged: without those at the start and end, and what llmbench itself cancelled. */
  readonly all: number;
  /** Time that it took. */
  readonly seconds: number;
  /** Mean time of an answer; null where none ended well. */
  readonly e2eSeconds: number | null;
  /** The client could not carry the load, so that what it saw is not the server's doing. */
  readonly clientFailed: boolean;
}

interface MeasuredProbe extends Probe, ProbeOutcome {}

/**
 * `found`: there is an interval. `unmet`: the target is missed at the lowest load; `at-least`: it is met at the highest,
 * each a bound. `not-falling`: it was measured to the end, and the share was not shown to fall with the load near the
 * target. `unfinished`: probes are missing, or the limit came before the search could tell where to look.
 */
type SearchStatus = "found" | "unmet" | "at-least" | "not-falling" | "unfinished";

export interface SearchResult {
  readonly status: SearchStatus;
  /** Load at which the share is at the target; a bound where the status is `unmet` or `at-least`. */
  readonly estimate: number | null;
  readonly interval: Interval | null;
  /** Why no more was measured. */
  readonly ended: "precision" | "requests" | "time" | "bound" | "client" | "missing";
  readonly curve: ShareCurve | null;
  readonly probes: readonly MeasuredProbe[];
}

/** What a driver throws into the search when a probe is not there, to have what is known without it. */
export const MISSING = Symbol("the probe is missing");

const LONE_REQUESTS = 20;
/** Probes are so many answers' times long, so that the queue forgets how it began (and there are as many of them). */
const BRACKET = { answers: 6, fewest: 40 };
const REFINE = { answers: 16, fewest: 240 };
/** A request shares its fate with as many as the overdispersion says: a probe holds this many such groups. */
const GROUPS = 8;
/** A probe takes at most this part of the requests, so that there are enough of them to tell their spread. */
const MOST_OF_ALL = 1 / 16;
const FEWEST_TO_END = 10;
/** Probes on each side of a fall within one step: 2 × 0.5⁶ is 3 %. */
const SIGN_TEST = 6;
/** A load has failed the client when it did so often in a row. */
const CLIENT_TRIES = 3;
/** Loads of a round, in steps to both sides of the estimate: wide to know the slope, then near to know the place. */
const WIDE = [-1, 1.6, 1.6, -1, 1.6, -1];
const NEAR = [-0.4, 0.4, 0.4, -0.4];
/** A step in logits: shares of 0.988 and, 1.6 of them up, 0.63 where the target is 0.95. */
const STEP_LOGITS = 1.5;
const STEP = { least: 0.03, most: 0.12 };
/** Logits from the target beyond which a probe is too far away to say where the curve crosses it. */
const REACH_LOGITS = 5.5;
/** The lowest rate that is tried, in requests in flight: nothing queues there. */
const LOWEST_IN_FLIGHT = 0.05;

/**
 * Looks for the load at which the share of requests that meet every SLO falls to the target: doubles the load until the
 * share is below it, halves that bracket, then measures rounds of probes around the running estimate (a sequential design
 * as in Wu, JASA 80 (1985) 974) until the interval is as narrow as asked or a limit is reached. Yields what to measure
 * and takes what came out; given the same outcomes it asks for the same probes, so that it goes on from stored ones.
 */
export function* searchCapacity(options: SearchOptions): Generator<Probe, SearchResult, ProbeOutcome> {
  const search = new Search(options);
  try {
    return yield* search.run();
  } catch (thrown) {
    if (thrown === MISSING) return search.conclude("missing");
    throw thrown;
  }
}

interface Cliff {
  readonly met: number;
  readonly missed: number;
  readonly probesMet: number;
  readonly probesMissed: number;
}

class Search {
  readonly #options: SearchOptions;
  readonly #probes: MeasuredProbe[] = [];
  /** Highest load with the target met, and lowest above it without. */
  #met: number | undefined;
  #missed: number | undefined;
  #e2eSeconds = 1;

  constructor(options: SearchOptions) {
    this.#options = options;
  }

  *run(): Generator<Probe, SearchResult, ProbeOutcome> {
    const lone = yield* this.#probe("lone", 1, LONE_REQUESTS);
    if (lone.clientFailed) return this.#end("unfinished", "client");
    this.#e2eSeconds = lone.e2eSeconds ?? 1;
    const most = wilsonInterval(lone.good, lone.all)?.[1] ?? 1;
    if (most < this.#options.target) return this.#end("unmet", "bound");
    return (yield* this.#bracket()) ?? (yield* this.#refine());
  }

  /** From a load that a lone stream could carry; undefined once there is a bracket. */
  *#bracket(): Generator<Probe, SearchResult | undefined, ProbeOutcome> {
    const { by, target, upTo } = this.#options;
    const byRate = by === "rate";
    const lowest = byRate ? LOWEST_IN_FLIGHT / this.#e2eSeconds : 1;
    if (!byRate) this.#met = 1;
    let load = Math.min(upTo, byRate ? 0.5 / this.#e2eSeconds : 2);
    for (;;) {
      load = this.#rounded(load);
      const probe = yield* this.#probe("bracket", load, this.#size(load, BRACKET));
      if (probe.clientFailed) return this.#bound("client");
      if (shareOf(probe) >= target) {
        this.#met = load;
        this.#e2eSeconds = probe.e2eSeconds ?? this.#e2eSeconds;
      } else this.#missed = load;
      const ended = this.#limit(0);
      if (ended !== undefined) return this.#end("unfinished", ended);
      const [met, missed] = [this.#met, this.#missed];
      if (missed === undefined) {
        if (load >= upTo) return this.#bound("bound");
        load = Math.min(upTo, load * 2);
      } else if (met === undefined) {
        if (load <= lowest) return { ...this.#end("unmet", "bound"), estimate: load };
        load = Math.max(lowest, load / 2);
      } else if (missed / met > 1.25 && (byRate || missed - met > 1)) load = Math.sqrt(met * missed);
      else return undefined;
    }
  }

  *#refine(): Generator<Probe, SearchResult, ProbeOutcome> {
    const { target, precision, maxRequests, upTo } = this.#options;
    let centre = Math.sqrt((this.#met ?? 1) * (this.#missed ?? 1));
    let step = Math.max(STEP.least, Math.log((this.#missed ?? 1) / (this.#met ?? 1)) / 2);
    let round: readonly number[] = WIDE;
    let narrow = false;
    const most = Math.floor(maxRequests * MOST_OF_ALL);
    let requests = this.#size(centre, REFINE);
    for (;;) {
      const ended = this.#limit(requests * round.length);
      if (ended !== undefined) return this.conclude(ended);
      const begun = this.#probes.length;
      for (const side of round) {
        const probe = yield* this.#probe(
          "refine",
          this.#rounded(Math.min(upTo, centre * Math.exp(side * step))),
          requests,
        );
        if (probe.clientFailed) return this.#bound("client");
      }
      const used = this.#used();
      const curve = fitShareCurve(used);
      if (curve === undefined || curve.slope > -1) {
        const cliff = this.#cliff();
        if (cliff !== undefined && this.#isNarrow(cliff)) return this.conclude("precision");
        if (cliff !== undefined) {
          centre = Math.sqrt(cliff.met * cliff.missed);
          step = Math.log(cliff.missed / cliff.met) / 4;
        } else {
          // All met it, or all missed it: the fall is on one side.
          centre *= Math.exp(shareOf(sum(this.#probes.slice(begun))) > target ? step : -step);
        }
        round = WIDE;
        continue;
      }
      const estimate = loadAt(curve, target);
      const interval = intervalOfLoad(curve, used, target);
      // Twice in a row: an interval that is narrow once may be so by chance.
      const before = narrow;
      narrow = interval !== undefined && interval[1] - interval[0] <= precision * estimate;
      if (narrow && before && used.length >= FEWEST_TO_END) return this.conclude("precision");
      centre *= Math.exp(clamp(Math.log(estimate / centre), -2 * step, 2 * step));
      step = clamp(STEP_LOGITS / -curve.slope, STEP.least, STEP.most);
      round = interval === undefined ? WIDE : NEAR;
      requests = Math.min(most, Math.max(requests, Math.ceil(GROUPS * curve.overdispersion)));
    }
  }

  /** What the probes say that are there. */
  conclude(ended: SearchResult["ended"]): SearchResult {
    const used = this.#used();
    const curve = fitShareCurve(used);
    const cliff = curve === undefined ? this.#cliff() : undefined;
    if (cliff !== undefined && Math.min(cliff.probesMet, cliff.probesMissed) >= SIGN_TEST) {
      const { met, missed } = cliff;
      return { ...this.#end("found", ended), estimate: met, interval: [met, missed] };
    }
    if (curve === undefined || curve.slope >= 0)
      return this.#end(ended === "missing" ? "unfinished" : "not-falling", ended);
    const interval = intervalOfLoad(curve, used, this.#options.target) ?? null;
    const status = interval !== null ? "found" : ended === "missing" ? "unfinished" : "not-falling";
    return {
      ...this.#end(status, ended),
      estimate: loadAt(curve, this.#options.target),
      interval,
      curve,
    };
  }

  /**
   * Where the share falls within one step, no curve goes through the probes: all up to `met` met the target, all from
   * `missed` up missed it. Six of a kind next to it say so with 97 % (sign test).
   */
  #cliff(): Cliff | undefined {
    const { target } = this.#options;
    const refined = this.#probes.filter(({ phase, all, clientFailed }) => {
      return phase === "refine" && all > 0 && !clientFailed;
    });
    const good = refined.filter((probe) => shareOf(probe) >= target).map(({ load }) => load);
    const bad = refined.filter((probe) => shareOf(probe) < target).map(({ load }) => load);
    const met = Math.max(...good);
    const missed = Math.min(...bad);
    if (good.length === 0 || bad.length === 0 || met >= missed) return undefined;
    return {
      met,
      missed,
      probesMet: good.filter((load) => load === met).length,
      probesMissed: bad.filter((load) => load === missed).length,
    };
  }

  #isNarrow({ met, missed, probesMet, probesMissed }: Cliff): boolean {
    const { by, precision } = this.#options;
    const narrow = missed - met <= precision * met || (by === "concurrency" && missed - met <= 1);
    return narrow && Math.min(probesMet, probesMissed) >= SIGN_TEST;
  }

  #bound(ended: "bound" | "client"): SearchResult {
    const estimate = this.#met ?? null;
    return { ...this.#end(estimate === null ? "unfinished" : "at-least", ended), estimate };
  }

  #end(status: SearchStatus, ended: SearchResult["ended"]): SearchResult {
    return { status, ended, estimate: null, interval: null, curve: null, probes: this.#probes };
  }

  /** Probes of the rounds near enough to the target, by the curve through all of them: not by what each found. */
  #used(): MeasuredProbe[] {
    const refined = this.#probes.filter(
      ({ phase, all, clientFailed }) => phase === "refine" && all > 0 && !clientFailed,
    );
    const curve = fitShareCurve(refined);
    if (curve === undefined || curve.slope >= 0) return refined;
    const reach = REACH_LOGITS / -curve.slope;
    const estimate = loadAt(curve, this.#options.target);
    return refined.filter(({ load }) => Math.abs(Math.log(load / estimate)) <= reach);
  }

  *#probe(
    phase: Probe["phase"],
    load: number,
    requests: number,
  ): Generator<Probe, MeasuredProbe, ProbeOutcome> {
    const probe = { phase, load, requests };
    for (let attempt = 1; ; attempt++) {
      const measured = { ...probe, ...(yield probe) };
      this.#probes.push(measured);
      // What else the client's machine had to do may be over the next time.
      if (!measured.clientFailed || attempt === CLIENT_TRIES) return measured;
    }
  }

  #size(load: number, { answers, fewest }: typeof BRACKET): number {
    const inFlight = this.#options.by === "rate" ? load * this.#e2eSeconds : load;
    const most = Math.floor(this.#options.maxRequests * MOST_OF_ALL);
    return Math.min(most, Math.max(fewest, Math.ceil(answers * inFlight)));
  }

  /** As it is written and sent: three digits of a rate, whole streams. */
  #rounded(load: number): number {
    return this.#options.by === "rate" ? Number(load.toPrecision(3)) : Math.max(1, Math.round(load));
  }

  #limit(next: number): "requests" | "time" | undefined {
    const { maxRequests, maxSeconds } = this.#options;
    const { requests, seconds } = this.#probes.reduce(
      (spent, probe) => ({
        requests: spent.requests + probe.requests,
        seconds: spent.seconds + probe.seconds,
      }),
      { requests: 0, seconds: 0 },
    );
    if (requests + next > maxRequests || requests >= maxRequests) return "requests";
    return maxSeconds !== undefined && seconds >= maxSeconds ? "time" : undefined;
  }
}

function sum(probes: readonly MeasuredProbe[]): { good: number; all: number } {
  return probes.reduce((total, { good, all }) => ({ good: total.good + good, all: total.all + all }), {
    good: 0,
    all: 0,
  });
}

function shareOf({ good, all }: { readonly good: number; readonly all: number }): number {
  return all === 0 ? 0 : good / all;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
