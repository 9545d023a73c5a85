/** Gaps that are kept one after another, at most. */
const MOST_GAPS = 6000;

/** A request with its gaps in order; microseconds. */
export interface GapRun {
  readonly firstUs: number;
  readonly gapsUs: Float64Array;
}

/** Some of a measurement's requests with their gaps in order: every one, or every second, fourth, … where there are many. */
export class GapRuns {
  #runs: GapRun[] = [];
  #gaps = 0;
  #every = 1;
  #seen = 0;

  /** Adds a request's first read and its `reads.gapsUs`; the first entry is the first read itself, no gap. */
  addRequest(firstUs: number, gapsUs: readonly number[]): void {
    if (gapsUs.length < 2 || this.#seen++ % this.#every !== 0) return;
    this.#runs.push({ firstUs, gapsUs: Float64Array.from(gapsUs.slice(1)) });
    this.#gaps += gapsUs.length - 1;
    while (this.#gaps > MOST_GAPS && this.#runs.length > 1) {
      this.#every *= 2;
      this.#runs = this.#runs.filter((_, i) => i % 2 === 0);
      this.#gaps = this.#runs.reduce((sum, run) => sum + run.gapsUs.length, 0);
    }
  }

  get runs(): readonly GapRun[] {
    return this.#runs;
  }
}
