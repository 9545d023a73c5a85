import { type Interval, wilsonInterval } from "../statistics.ts";
import {
  type MeasuredProbe,
  MISSING,
  type Probe,
  type ProbeOutcome,
  type SearchOptions,
  type SearchResult,
} from "./probe.ts";
import { type Cliff, findCliff, isCliffCertain, shareOf } from "./share-cliff.ts";
import { fitShareCurve, intervalOfLoad, loadAt, type ShareCurve } from "./share-curve.ts";

const LONE_REQUESTS = 20;
/** Probes are so many answers' times long, so that the queue forgets how it began (and there are as many of them). */
const BRACKET = { answers: 6, fewest: 40 };
const REFINE = { answers: 16, fewest: 240 };
const SHEER = { answers: 4, fewest: 240 };
/** A request shares its fate with as many as the overdispersion says: a probe holds this many such groups. */
const GROUPS = 32;
/** A probe takes at most this part of the requests, so that there are enough of them to tell their spread. */
const MOST_OF_ALL = 1 / 20;
const FEWEST_TO_END = 10;
/** A load has failed the client when it did so often in a row. */
const CLIENT_TRIES = 3;
/** Loads of a round, in steps to both sides of the estimate: wide to know the slope, then near to know the place. */
const WIDE = [-1, 1.6, 1.6, -1, 1.6, -1];
const NEAR = [-0.4, 0.4, 0.4, -0.4];
/** Of a sheer cliff: the middle until it is narrow, then its two ends; of streams by short probes: they are all or nothing. */
const BETWEEN = [0];
const ENDS = [-1, 1];
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

/** Neither curve nor cliff where the share does not fall. */
interface Found {
  readonly curve?: ShareCurve;
  readonly cliff?: Cliff;
  readonly used: readonly MeasuredProbe[];
  /** NaN without curve and cliff. */
  readonly estimate: number;
  readonly interval: Interval | null;
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
    const { by, target, precision, maxRequests } = this.#options;
    let centre = Math.sqrt((this.#met ?? 1) * (this.#missed ?? 1));
    let step = Math.max(STEP.least, Math.log((this.#missed ?? 1) / (this.#met ?? 1)) / 2);
    // Of streams the bracket itself may show it: every one of them is the same load each time.
    const isSheer = by === "concurrency" && findCliff(this.#measured("bracket"), target)?.isSheer === true;
    let round: readonly number[] = isSheer ? ENDS : WIDE;
    let narrow = false;
    const most = Math.floor(maxRequests * MOST_OF_ALL);
    let size = this.#size(centre, REFINE);
    for (;;) {
      const isShort = by === "concurrency" && (round === BETWEEN || round === ENDS);
      const requests = isShort ? this.#size(centre, SHEER) : size;
      const begun = this.#probes.length;
      for (const side of round) {
        const ended = this.#limit(requests);
        if (ended !== undefined) return this.conclude(ended);
        const probe = yield* this.#probe("refine", this.#beside(centre, side, step), requests);
        if (probe.clientFailed) return this.#bound("client");
      }
      const { curve, cliff, estimate, interval, used } = this.#found();
      // Twice in a row: an interval that is narrow once may be so by chance.
      const before = narrow;
      narrow = interval !== null && interval[1] - interval[0] <= precision * estimate;
      if (narrow && (before || curve === undefined) && used.length >= FEWEST_TO_END)
        return this.conclude("precision");
      round = interval === null ? WIDE : NEAR;
      if (cliff !== undefined) {
        centre = Math.sqrt(cliff.met * cliff.missed);
        step = Math.log(cliff.missed / cliff.met) / 2;
        round = this.#isWide(cliff) ? BETWEEN : ENDS;
      } else if (curve !== undefined) {
        centre *= Math.exp(clamp(Math.log(estimate / centre), -2 * step, 2 * step));
        step = clamp(STEP_LOGITS / -curve.slope, STEP.least, STEP.most);
        size = Math.min(most, Math.max(size, Math.ceil(GROUPS * curve.overdispersion)));
      } else {
        // All met it, or all missed it: the fall is on one side.
        centre *= Math.exp(this.#isMet(this.#probes.slice(begun)) ? step : -step);
      }
      if (by === "concurrency") centre = Math.max(1, centre);
    }
  }

  /** What the probes say that are there. */
  conclude(ended: SearchResult["ended"]): SearchResult {
    const { curve, interval, ...found } = this.#found();
    const estimate = this.#options.by === "rate" ? found.estimate : Math.floor(found.estimate);
    if (interval === null) {
      const status = ended === "missing" ? "unfinished" : "not-falling";
      return { ...this.#end(status, ended), ...(curve === undefined ? {} : { estimate, curve }) };
    }
    // Not even one stream.
    if (interval[1] === 0) return { ...this.#end("unmet", ended), estimate: 1, curve: curve ?? null };
    return { ...this.#end("found", ended), estimate, interval, curve: curve ?? null };
  }

  /** Where the share crosses the target: between probes that are all or nothing, else by a curve that falls. */
  #found(): Found {
    const { target } = this.#options;
    const refined = this.#measured("refine");
    const cliff = findCliff(refined, target);
    if (cliff?.isSheer === true) {
      const interval = isCliffCertain(cliff) ? this.#inLoads([cliff.met, cliff.missed]) : null;
      return { cliff, used: refined, estimate: cliff.met, interval };
    }
    const used = this.#nearTarget(refined);
    const curve = fitShareCurve(used);
    if (curve === undefined || curve.slope > -1) return { used, estimate: Number.NaN, interval: null };
    const interval = intervalOfLoad(curve, used, target);
    return {
      curve,
      used,
      estimate: loadAt(curve, target),
      interval: interval === undefined ? null : this.#inLoads(interval),
    };
  }

  /** Of streams the capacity is the most that meet the target: a curve crosses it there or before the next. */
  #inLoads([low, high]: Interval): Interval {
    if (this.#options.by === "rate") return [low, high];
    const least = Math.floor(low);
    return [least, Math.max(least, Math.ceil(high) - 1)];
  }

  #bound(ended: "bound" | "client"): SearchResult {
    const estimate = this.#met ?? null;
    return { ...this.#end(estimate === null ? "unfinished" : "at-least", ended), estimate };
  }

  #end(status: SearchResult["status"], ended: SearchResult["ended"]): SearchResult {
    return { status, ended, estimate: null, interval: null, curve: null, probes: this.#probes };
  }

  #measured(phase: Probe["phase"]): MeasuredProbe[] {
    return this.#probes.filter((probe) => probe.phase === phase && probe.all > 0 && !probe.clientFailed);
  }

  /** Those near enough to the target, by the curve through all of them: not by what each found. */
  #nearTarget(refined: MeasuredProbe[]): MeasuredProbe[] {
    const curve = fitShareCurve(refined);
    if (curve === undefined || curve.slope >= 0) return refined;
    const estimate = loadAt(curve, this.#options.target);
    const away = ({ load }: MeasuredProbe) => Math.log(load / estimate);
    const reach = REACH_LOGITS / -curve.slope;
    // A fall may be steeper than the steps of the loads: of these the nearest on both sides are needed.
    const low = Math.min(-reach, Math.max(...refined.map(away).filter((x) => x <= 0)));
    const high = Math.max(reach, Math.min(...refined.map(away).filter((x) => x > 0)));
    return refined.filter((probe) => away(probe) >= low && away(probe) <= high);
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
    // In fewer answers' time none but the first and the last are there.
    const most = Math.max(this.#options.maxRequests * MOST_OF_ALL, SHEER.answers * inFlight);
    return Math.floor(Math.min(most, Math.max(fewest, Math.ceil(answers * inFlight))));
  }

  /** As it is written and sent: three digits of a rate, whole streams. */
  #rounded(load: number): number {
    return this.#options.by === "rate" ? Number(load.toPrecision(3)) : Math.max(1, Math.round(load));
  }

  /** So many steps to a side of `centre`; of streams at least the next whole number there. */
  #beside(centre: number, side: number, step: number): number {
    const load = this.#rounded(Math.min(this.#options.upTo, centre * Math.exp(side * step)));
    if (this.#options.by === "rate") return load;
    const below = Math.max(1, Math.floor(centre));
    return side < 0 ? Math.min(load, below) : Math.min(this.#options.upTo, Math.max(load, below + 1));
  }

  #isWide({ met, missed }: Cliff): boolean {
    const { by, precision } = this.#options;
    return missed - met > Math.max((precision * met) / 2, by === "concurrency" ? 1 : 0);
  }

  #isMet(probes: readonly MeasuredProbe[]): boolean {
    const good = probes.reduce((sum, probe) => sum + probe.good, 0);
    const all = probes.reduce((sum, probe) => sum + probe.all, 0);
    return shareOf({ good, all }) > this.#options.target;
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

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
