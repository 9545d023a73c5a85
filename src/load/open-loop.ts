import type { Loop, LoopHost, LoopPlan } from "./loop.ts";
import { callAt, type PreciseTimer } from "./precise-timer.ts";
import type { RequestPlace } from "./response-reader.ts";
import { arrivals, rampUs } from "./schedule.ts";
import { ownCap, ownRequests, requestOrder } from "./share.ts";

type Place = Omit<RequestPlace, "worker">;

/**
 * Requests at their times, whatever the server does. Beyond the cap on requests in flight they wait their turn, and
 * the wait is in the latency from the scheduled time.
 */
export class OpenLoop implements Loop {
  readonly #host: LoopHost;
  readonly #plan: LoopPlan;
  readonly #arrivals: Generator<number, never, undefined>;
  readonly #rampEndUs: number;
  readonly #endUs: number;
  readonly #requests: number;
  readonly #cap: number;
  readonly #waiting: Place[] = [];
  readonly #order: (n: number) => number;
  /** How many of this loop's own requests have fallen due. */
  #due = 0;
  #nextUs: number;
  #arrivalTimer: PreciseTimer | undefined;
  #endTimer: PreciseTimer | undefined;
  #over = false;

  constructor(plan: LoopPlan & { readonly seed: number }, host: LoopHost) {
    this.#host = host;
    this.#plan = plan;
    this.#arrivals = arrivals(plan.load, plan.seed);
    this.#rampEndUs = plan.startUs + rampUs(plan.load, plan.expectedE2eMs);
    this.#endUs = plan.startUs + (plan.load.durationSeconds ?? Number.POSITIVE_INFINITY) * 1e6;
    this.#requests = plan.load.requests ?? Number.POSITIVE_INFINITY;
    this.#cap = ownCap(plan.load.maxConcurrency ?? Number.POSITIVE_INFINITY, plan.share);
    this.#order = requestOrder(plan.load, plan.share);
    this.#nextUs = this.#drawArrival(plan.share.worker + 1);
  }

  get planned(): number {
    const { load, share } = this.#plan;
    return Number.isFinite(this.#requests) ? ownRequests(load, share, this.#requests) : this.#due;
  }

  get issued(): number {
    return this.#due;
  }

  start(): void {
    if (Number.isFinite(this.#endUs)) {
      this.#endTimer = callAt(this.#plan.clock, this.#endUs, () =>
        this.stop("the time was over before its turn came"),
      );
    }
    this.#awaitArrival();
  }

  stop(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#arrivalTimer?.cancel();
    this.#endTimer?.cancel();
    for (const place of this.#waiting.splice(0)) this.#host.giveUp(place, why);
    this.#host.exhausted();
  }

  /** The next but so many: those between are other loops'. */
  #drawArrival(ahead: number): number {
    for (let others = 1; others < ahead; others++) this.#arrivals.next();
    return this.#plan.startUs + this.#arrivals.next().value;
  }

  #awaitArrival(): void {
    this.#arrivalTimer = callAt(this.#plan.clock, this.#nextUs, () => {
      const nowUs = this.#plan.clock.nowUs();
      while (!this.#over && this.#nextUs <= nowUs && this.#moreToCome()) {
        const scheduledUs = this.#nextUs;
        const phase = scheduledUs < this.#rampEndUs ? "ramp" : "measured";
        this.#nextUs = this.#drawArrival(this.#plan.share.workers);
        this.#arrive({ i: this.#order(this.#due++), phase, scheduledUs });
      }
      if (this.#over) return;
      if (this.#moreToCome()) this.#awaitArrival();
      else this.#endIfServed();
    });
  }

  #moreToCome(): boolean {
    return this.#order(this.#due) < this.#requests && this.#nextUs < this.#endUs;
  }

  #arrive(place: Place): void {
    if (this.#host.inFlight >= this.#cap) this.#waiting.push(place);
    else this.#send(place);
  }

  #send(place: Place): void {
    this.#host.send(place, () => {
      if (this.#over) return;
      const next = this.#waiting.shift();
      if (next !== undefined) this.#send(next);
      else this.#endIfServed();
    });
  }

  /** All that were due have been sent: nothing more will be. By time, the clock says so; there may be one more arrival. */
  #endIfServed(): void {
    if (this.#moreToCome() || this.#waiting.length > 0 || this.#over) return;
    this.#over = true;
    this.#endTimer?.cancel();
    this.#host.exhausted();
  }
}
