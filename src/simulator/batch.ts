import type { SimulatorProfile } from "../config/plan.ts";
import { jitterFactor, type Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** One sequence that the engine works on. */
export interface Sequence {
  /** Prompt tokens that must be computed (those in the prefix cache are not). */
  readonly prefillTokens: number;
  /** Called when its prefill starts. */
  started(us: number): void;
  /** Called once a step with the step's due time; false when that was its last token. */
  token(dueUs: number): boolean;
  /** Set by the owner: it leaves at the end of the step under way. */
  cancelled: boolean;
}

/** What the batch did so far, for stats and tests. Times in microseconds. */
export interface BatchStats {
  steps: number;
  /** Steps after which the host was over 50 ms behind, and the schedule started afresh. */
  overruns: number;
  /** Sum and maximum of (real end - due end) over steps. */
  lateSumUs: number;
  lateMaxUs: number;
}

/** How far the host may lag before the schedule gives up catching up. */
const maxLagUs = 50_000;

/**
 * Continuous batching, as vLLM 0.6 schedules: a step is either the prefill of all that wait and fit into the batch,
 * at whose end each has its first token, or a decode that gives every running sequence one more. Prefills go first.
 *
 *   prefill = prefillMs + prefillMsPerToken × Σ prompt tokens to compute
 *   decode  = decodeMs + decodeMsPerSequence × (sequences − 1)
 *
 * each times a log-normal factor with mean 1 and standard deviation `jitter`. Steps are laid end to end on absolute
 * deadlines, so late timers do not add up.
 */
export class Batch {
  readonly stats: BatchStats = { steps: 0, overruns: 0, lateSumUs: 0, lateMaxUs: 0 };
  #waiting: Sequence[] = [];
  #running: Sequence[] = [];
  #stepping = false;
  #halted = false;
  readonly #timeline: Timeline;
  readonly #profile: SimulatorProfile;
  readonly #random: Random;

  constructor(timeline: Timeline, profile: SimulatorProfile, random: Random) {
    this.#timeline = timeline;
    this.#profile = profile;
    this.#random = random;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get running(): number {
    return this.#running.length;
  }

  submit(sequence: Sequence): void {
    this.#waiting.push(sequence);
    if (!this.#stepping && !this.#halted) this.#step(this.#timeline.nowUs());
  }

  /** No further step: the engine died. */
  halt(): void {
    this.#halted = true;
  }

  #step(startUs: number): void {
    this.#drop();
    const room = this.#profile.maxBatch - this.#running.length;
    const admitted = room > 0 ? this.#waiting.splice(0, room) : [];
    const prefilling = admitted.length > 0;
    this.#stepping = prefilling || this.#running.length > 0;
    if (!this.#stepping || this.#halted) return;

    const { prefillMs, prefillMsPerToken, decodeMs, decodeMsPerSequence, jitter } = this.#profile;
    const ms = prefilling
      ? prefillMs + prefillMsPerToken * admitted.reduce((sum, { prefillTokens }) => sum + prefillTokens, 0)
      : decodeMs + decodeMsPerSequence * (this.#running.length - 1);
    const lengthUs = ms * 1000 * jitterFactor(this.#random, jitter);
    const dueUs = startUs + lengthUs;
    for (const sequence of admitted) {
      sequence.started(startUs);
      this.#running.push(sequence);
    }
    this.#timeline.at(dueUs, () => this.#end(prefilling ? admitted : this.#running, dueUs));
  }

  #end(served: readonly Sequence[], dueUs: number): void {
    if (this.#halted) return;
    const lateUs = this.#timeline.nowUs() - dueUs;
    this.stats.steps++;
    this.stats.lateSumUs += lateUs;
    this.stats.lateMaxUs = Math.max(this.stats.lateMaxUs, lateUs);
    let ended = 0;
    for (const sequence of served) {
      if (sequence.cancelled) continue;
      if (!sequence.token(dueUs)) {
        sequence.cancelled = true;
        ended++;
      }
    }
    if (ended > 0) this.#drop();
    // The next step starts when this one was due, unless the host fell too far behind to catch up.
    const overrun = this.#timeline.nowUs() - dueUs > maxLagUs;
    if (overrun) this.stats.overruns++;
    this.#step(overrun ? this.#timeline.nowUs() : dueUs);
  }

  #drop(): void {
    this.#running = this.#running.filter(({ cancelled }) => !cancelled);
    this.#waiting = this.#waiting.filter(({ cancelled }) => !cancelled);
  }
}
