import { effectiveCount } from "./correlation.ts";
import { normalCdf, tQuantile } from "./probability.ts";
import type { LatencySummary } from "./schema/metrics.ts";
import { type Interval, LEVEL, MIN_FOR_MEAN, MIN_SAMPLES, PERCENTILES, quantileAt } from "./statistics.ts";

/** Gaps below this many microseconds are counted by value in an array, the rare longer ones kept one by one. */
const DENSE = 1 << 18;
/** More blocks than this are merged two by two, so that memory stays flat. */
const MAX_BLOCKS = 4096;
const BINS = binOf(0xffffffff) + 1;

/** Gaps of one request, or of a few neighbours: the unit that is resampled. */
interface Block {
  readonly bins: Uint16Array;
  readonly counts: Uint32Array;
  readonly count: number;
  readonly sum: number;
}

/**
 * Pooled gaps between reads, whole microseconds. Point estimates are exact; for the intervals, gaps of one request are
 * not independent, so whole requests are resampled (bootstrap), on bins at most 0.8 % wide. Above 4096 requests blocks
 * of neighbouring requests are resampled instead.
 */
export class GapSample {
  #dense = new Uint32Array(DENSE);
  #long: number[] = [];
  #blocks: Block[] = [];
  #requestsPerBlock = 1;
  #open: { requests: number; bins: Map<number, number>; count: number; sum: number } = openBlock();
  #requests = 0;
  #count = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  /** Sums around the first gap seen, for the mean and the autocorrelation of gaps that follow each other. */
  #origin: number | undefined;
  #sum = 0;
  #squares = 0;
  #products = 0;
  #pairs = 0;
  #pairSum = 0;

  /** Adds a request's `reads.gapsUs`; the first entry is the first read itself, no gap. */
  addRequest(gapsUs: readonly number[]): void {
    if (gapsUs.length < 2) return;
    this.#requests++;
    this.#origin ??= gapsUs[1] as number;
    const block = this.#open;
    let before: number | undefined;
    for (let i = 1; i < gapsUs.length; i++) {
      const gap = gapsUs[i] as number;
      if (gap < DENSE) this.#dense[gap] = (this.#dense[gap] as number) + 1;
      else this.#long.push(gap);
      const bin = binOf(gap);
      block.bins.set(bin, (block.bins.get(bin) ?? 0) + 1);
      block.sum += gap;
      const centred = gap - this.#origin;
      this.#sum += centred;
      this.#squares += centred * centred;
      if (before !== undefined) {
        this.#products += before * centred;
        this.#pairSum += before + centred;
        this.#pairs++;
      }
      before = centred;
      this.#min = Math.min(this.#min, gap);
      this.#max = Math.max(this.#max, gap);
    }
    const added = gapsUs.length - 1;
    this.#count += added;
    block.count += added;
    block.requests++;
    if (block.requests >= this.#requestsPerBlock) this.#closeBlock();
  }

  /** One sample of several measurements' gaps. */
  static merge(samples: readonly GapSample[]): GapSample {
    const merged = new GapSample();
    for (const sample of samples) merged.#absorb(sample);
    return merged;
  }

  /** In milliseconds. `seed` decides the resamples. */
  summarise(seed: number): LatencySummary {
    const rho = this.#autocorrelation();
    const effective = effectiveCount(this.#count, rho);
    const summary: LatencySummary = {
      count: this.#count,
      effectiveCount: effective,
      mean: null,
      min: null,
      max: null,
      p50: null,
      p90: null,
      p95: null,
      p99: null,
      intervals: {},
      level: LEVEL,
      method: "percentiles: linear between ranks (type 7); intervals: bootstrap by request",
    };
    if (this.#count === 0) return summary;
    summary.mean = this.#mean() / 1000;
    summary.min = this.#min / 1000;
    summary.max = this.#max / 1000;
    if (this.#requests < MIN_FOR_MEAN) return summary;
    const intervals = this.#resample(seed);
    const around = (value: number, interval: Interval): Interval => [
      Math.min(value, Math.max(interval[0], this.#min) / 1000),
      Math.max(value, Math.min(interval[1], this.#max) / 1000),
    ];
    summary.intervals.mean = around(summary.mean, intervals.mean);
    const valueAt = this.#valuesByRank();
    for (const [name, p] of PERCENTILES) {
      if (effective < MIN_SAMPLES[name]) continue;
      const value = quantileAt(valueAt, this.#count, p) / 1000;
      summary[name] = value;
      summary.intervals[name] = around(value, intervals[name]);
    }
    return summary;
  }

  /** What the gaps say by themselves, without intervals, milliseconds; null where there are none. */
  own(): { readonly mean: number | null; readonly at: (p: number) => number | null } {
    if (this.#count === 0) return { mean: null, at: () => null };
    const valueAt = this.#valuesByRank();
    return { mean: this.#mean() / 1000, at: (p) => quantileAt(valueAt, this.#count, p) / 1000 };
  }

  #mean(): number {
    return this.#count === 0 ? 0 : (this.#origin ?? 0) + this.#sum / this.#count;
  }

  /** Lag-1, of gaps that follow each other within a request. */
  #autocorrelation(): number {
    if (this.#pairs === 0) return 0;
    const mean = this.#sum / this.#count;
    const variation = this.#squares - this.#count * mean * mean;
    if (variation <= 1e-9 * Math.max(this.#squares, 1)) return 0;
    return (this.#products - mean * this.#pairSum + this.#pairs * mean * mean) / variation;
  }

  /** One past the largest value that is counted in the array. */
  #denseEnd(): number {
    return Math.min(DENSE, this.#max + 1);
  }

  #valuesByRank(): (rank: number) => number {
    const long = Float64Array.from(this.#long).sort();
    const upTo = new Uint32Array(this.#denseEnd());
    let total = 0;
    for (let value = 0; value < upTo.length; value++) upTo[value] = total += this.#dense[value] as number;
    return (rank) => {
      if (rank >= total) return long[rank - total] as number;
      let low = 0;
      let high = upTo.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((upTo[middle] as number) > rank) high = middle;
        else low = middle + 1;
      }
      return low;
    };
  }

  /** Percentile intervals, microseconds, each end at the outer edge of its bin. */
  #resample(seed: number): Record<"mean" | "p50" | "p90" | "p95" | "p99", Interval> {
    const blocks = this.#open.count > 0 ? [...this.#blocks, sealBlock(this.#open)] : this.#blocks;
    const pairs = blocks.reduce((sum, block) => sum + block.bins.length, 0);
    // Bounded work: about 1.5e8 additions at most, and never fewer resamples than the tails need.
    const resamples = Math.max(300, Math.min(1000, Math.floor(1.5e8 / (pairs + BINS))));
    const random = xorshift(seed);
    const means = new Float64Array(resamples);
    const bins = PERCENTILES.map(() => new Float64Array(resamples));
    const histogram = new Uint32Array(BINS);
    const weights = new Uint32Array(blocks.length);
    for (let r = 0; r < resamples; r++) {
      weights.fill(0);
      for (let i = 0; i < blocks.length; i++) {
        const drawn = random() % blocks.length;
        weights[drawn] = (weights[drawn] as number) + 1;
      }
      histogram.fill(0);
      let count = 0;
      let sum = 0;
      for (let i = 0; i < blocks.length; i++) {
        const weight = weights[i] as number;
        if (weight === 0) continue;
        const block = blocks[i] as Block;
        count += weight * block.count;
        sum += weight * block.sum;
        for (let k = 0; k < block.bins.length; k++) {
          const bin = block.bins[k] as number;
          histogram[bin] = (histogram[bin] as number) + weight * (block.counts[k] as number);
        }
      }
      means[r] = sum / count;
      let bin = -1;
      let seen = 0;
      PERCENTILES.forEach(([, p], index) => {
        while (seen < p * count) seen += histogram[++bin] as number;
        (bins[index] as Float64Array)[r] = bin;
      });
    }
    const ends = tailRanks(blocks.length, resamples);
    const [p50, p90, p95, p99] = bins.map((found): Interval => {
      found.sort();
      return [lowestOf(found[ends.low] as number), lowestOf((found[ends.high] as number) + 1) - 1];
    }) as [Interval, Interval, Interval, Interval];
    means.sort();
    return { mean: [means[ends.low] as number, means[ends.high] as number], p50, p90, p95, p99 };
  }

  #closeBlock(): void {
    this.#blocks.push(sealBlock(this.#open));
    this.#open = openBlock();
    if (this.#blocks.length < MAX_BLOCKS) return;
    this.#requestsPerBlock *= 2;
    this.#blocks = mergeNeighbours(this.#blocks);
  }

  #absorb(other: GapSample): void {
    if (other.#count === 0) return;
    for (let value = 0; value < other.#denseEnd(); value++) {
      this.#dense[value] = (this.#dense[value] as number) + (other.#dense[value] as number);
    }
    for (const gap of other.#long) this.#long.push(gap);
    this.#blocks.push(...other.#blocks);
    if (other.#open.count > 0) this.#blocks.push(sealBlock(other.#open));
    while (this.#blocks.length > MAX_BLOCKS) this.#blocks = mergeNeighbours(this.#blocks);
    this.#origin ??= other.#origin;
    // The other's sums are around its own first gap: moved here by their difference.
    const shift = (other.#origin ?? 0) - (this.#origin ?? 0);
    this.#squares += other.#squares + 2 * shift * other.#sum + other.#count * shift * shift;
    this.#products += other.#products + shift * other.#pairSum + other.#pairs * shift * shift;
    this.#pairSum += other.#pairSum + 2 * other.#pairs * shift;
    this.#sum += other.#sum + other.#count * shift;
    this.#pairs += other.#pairs;
    this.#count += other.#count;
    this.#requests += other.#requests;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }
}

function openBlock(): { requests: number; bins: Map<number, number>; count: number; sum: number } {
  return { requests: 0, bins: new Map(), count: 0, sum: 0 };
}

function sealBlock(open: { bins: ReadonlyMap<number, number>; count: number; sum: number }): Block {
  return {
    bins: Uint16Array.from(open.bins.keys()),
    counts: Uint32Array.from(open.bins.values()),
    count: open.count,
    sum: open.sum,
  };
}

function mergeNeighbours(blocks: readonly Block[]): Block[] {
  const merged: Block[] = [];
  for (let i = 0; i < blocks.length; i += 2) {
    const bins = new Map<number, number>();
    let count = 0;
    let sum = 0;
    for (const block of blocks.slice(i, i + 2)) {
      block.bins.forEach((bin, k) => bins.set(bin, (bins.get(bin) ?? 0) + (block.counts[k] as number)));
      count += block.count;
      sum += block.sum;
    }
    merged.push(sealBlock({ bins, count, sum }));
  }
  return merged;
}

/**
 * Ranks, 0 first, of the resamples that end the interval. The bootstrap's own tails are too short with few units;
 * widened as by Hesterberg, "What Teachers Should Know about the Bootstrap" (2015), 5.3: Φ(−√(n / (n − 1)) t).
 */
function tailRanks(units: number, resamples: number): { low: number; high: number } {
  const t = units < 2 ? 0 : tQuantile(1 - (1 - LEVEL) / 2, units - 1);
  const tail = normalCdf(-Math.sqrt(units / Math.max(1, units - 1)) * t);
  const low = Math.max(0, Math.floor(tail * resamples) - 1);
  return { low, high: resamples - 1 - low };
}

/** Below 256 a bin holds one value; above, 128 bins to every doubling, so that none is wider than 1/128 of its value. */
function binOf(gapUs: number): number {
  if (gapUs < 256) return gapUs;
  // Gaps beyond 71 minutes share the last bin.
  const us = Math.min(gapUs, 0xffffffff);
  const shift = 24 - Math.clz32(us);
  return (shift << 7) + (us >>> shift);
}

/** The lowest value of a bin: the inverse of `binOf`. */
function lowestOf(bin: number): number {
  if (bin < 256) return bin;
  const shift = (bin >> 7) - 1;
  return (bin - (shift << 7)) * 2 ** shift;
}

/** Marsaglia's xorshift32: enough to draw requests, and the same for the same seed. */
function xorshift(seed: number): () => number {
  // Mixed first: small seeds give poor first draws.
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}
