import type { Clock } from "./clock.ts";
import type { Loop, LoopHost, LoopPlan } from "./loop.ts";
import { callSoonAfter, type PreciseTimer } from "./precise-timer.ts";
import { streamStarts } from "./schedule.ts";
import { ownRequests, ownStreams, requestOrder, streamCount } from "./share.ts";

/** A stream whose request failed waits this long, so that a server that is down is not hammered. */
const pauseAfterFailureUs = 100_000;

/** So many streams, each sending its next request when the one before has ended. */
export class ClosedLoop implements Loop {
  readonly #host: LoopHost;
  readonly #clock: Clock;
  readonly #plan: LoopPlan;
  readonly #startsUs: number[];
  /** When the last stream of all starts, whoever has it. */
  readonly #fullUs: number;
  readonly #order: (n: number) => number;
  readonly #endUs: number;
  readonly #requests: number;
  readonly #timers = new Set<PreciseTimer>();
  /** How many of this loop's own requests have gone out. */
  #issued = 0;
  #running: number;
  #stopped = false;

  constructor(plan: LoopPlan, host: LoopHost) {
    this.#host = host;
    this.#plan = plan;
    this.#clock = plan.clock;
    this.#requests = plan.load.requests ?? Number.POSITIVE_INFINITY;
    this.#endUs = plan.startUs + (plan.load.durationSeconds ?? Number.POSITIVE_INFINITY) * 1e6;
    const starts = streamStarts(streamCount(plan.load), plan.expectedE2eMs).map((at) => plan.startUs + at);
    this.#startsUs = ownStreams(plan.load, plan.share).map((k) => starts[k] as number);
    this.#fullUs = starts.at(-1) ?? 0;
    this.#order = requestOrder(plan.load, plan.share);
    this.#running = this.#startsUs.length;
  }

  get planned(): number {
    const { load, share } = this.#plan;
    return Number.isFinite(this.#requests) ? ownRequests(load, share, this.#requests) : this.#issued;
  }

  get issued(): number {
    return this.#issued;
  }

  start(): void {
    if (this.#running === 0) this.#host.exhausted();
    for (const atUs of this.#startsUs) this.#later(Math.min(atUs, this.#endUs), () => this.#next(atUs));
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #next(scheduledUs: number): void {
    const i = this.#order(this.#issued);
    if (this.#stopped || i >= this.#requests || this.#clock.nowUs() >= this.#endUs) {
      this.#running--;
      if (this.#running === 0) this.#host.exhausted();
      return;
    }
    this.#issued++;
    // From the last stream's first request on the load is what was asked for.
    const phase = scheduledUs < this.#fullUs ? "ramp" : "measured";
    this.#host.send({ i, phase, scheduledUs }, (record) => {
      if (record.error === undefined) {
        this.#next(record.endUs);
      } else {
        const atUs = record.endUs + pauseAfterFailureUs;
        this.#later(atUs, () => this.#next(atUs));
      }
    });
  }

  #later(atUs: number, what: () => void): void {
    if (this.#stopped) return;
    const timer = callSoonAfter(this.#clock, atUs, () => {
      this.#timers.delete(timer);
      what();
    });
    this.#timers.add(timer);
  }
}
