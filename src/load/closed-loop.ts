import type { Clock } from "./clock.ts";
import type { Loop, LoopHost, LoopPlan } from "./loop.ts";
import { callSoonAfter, type PreciseTimer } from "./precise-timer.ts";
import { streamStarts } from "./schedule.ts";

/** A stream whose request failed waits this long, so that a server that is down is not hammered. */
const pauseAfterFailureUs = 100_000;

/** So many streams, each sending its next request when the one before has ended. */
export class ClosedLoop implements Loop {
  readonly #host: LoopHost;
  readonly #clock: Clock;
  readonly #startsUs: number[];
  readonly #endUs: number;
  readonly #requests: number;
  readonly #timers = new Set<PreciseTimer>();
  #issued = 0;
  #running: number;
  #stopped = false;

  constructor(plan: LoopPlan, host: LoopHost) {
    this.#host = host;
    this.#clock = plan.clock;
    this.#requests = plan.load.requests ?? Number.POSITIVE_INFINITY;
    this.#endUs = plan.startUs + (plan.load.durationSeconds ?? Number.POSITIVE_INFINITY) * 1e6;
    const streams = Math.min(plan.load.concurrency ?? 1, this.#requests);
    this.#startsUs = streamStarts(streams, plan.expectedE2eMs).map((at) => plan.startUs + at);
    this.#running = streams;
  }

  get planned(): number {
    return Number.isFinite(this.#requests) ? this.#requests : this.#issued;
  }

  start(): void {
    for (const atUs of this.#startsUs) this.#later(Math.min(atUs, this.#endUs), () => this.#next(atUs));
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #next(scheduledUs: number): void {
    if (this.#stopped || this.#issued >= this.#requests || this.#clock.nowUs() >= this.#endUs) {
      this.#running--;
      if (this.#running === 0) this.#host.exhausted();
      return;
    }
    const i = this.#issued++;
    // From the last stream's first request on the load is what was asked for.
    const phase = scheduledUs < (this.#startsUs.at(-1) ?? 0) ? "ramp" : "measured";
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
