import type { Progress } from "./measurement.ts";

const periodMs = 200;

/** The sum of what several workers last said of their progress, told at most five times a second and once at the end. */
export class WorkersProgress {
  readonly #last: (Progress | undefined)[];
  readonly #planned: number | undefined;
  readonly #tell: (progress: Progress) => void;
  readonly #timer: NodeJS.Timeout;

  constructor(workers: number, planned: number | undefined, tell: (progress: Progress) => void) {
    this.#last = Array.from({ length: workers }, () => undefined);
    this.#planned = planned;
    this.#tell = tell;
    this.#timer = setInterval(() => this.#say(), periodMs);
  }

  take(worker: number, progress: Progress): void {
    this.#last[worker] = progress;
  }

  end(): void {
    clearInterval(this.#timer);
    this.#say();
  }

  #say(): void {
    const sum = (of: (progress: Progress) => number) =>
      this.#last.reduce((all, one) => all + (one === undefined ? 0 : of(one)), 0);
    this.#tell({
      planned: this.#planned,
      sent: sum(({ sent }) => sent),
      done: sum(({ done }) => done),
      failed: sum(({ failed }) => failed),
      inFlight: sum(({ inFlight }) => inFlight),
      outputTokens: sum(({ outputTokens }) => outputTokens),
      chunks: sum(({ chunks }) => chunks),
    });
  }
}
