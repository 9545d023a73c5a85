import type { Random } from "../../src/load/random.ts";

/** Samples whose truth is known. */
export interface Distribution {
  readonly name: "normal" | "lognormal" | "AR(1)";
  /** Gives the next value at each call. */
  series(random: Random): () => number;
  readonly mean: number;
  /** The value at a quantile of the standard normal. */
  at(z: number): number;
}

/** Box and Muller. */
export const normal = (random: Random) =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());

export const distributions: readonly Distribution[] = [
  {
    name: "normal",
    series: (random) => () => 100 + 15 * normal(random),
    mean: 100,
    at: (z) => 100 + 15 * z,
  },
  {
    name: "lognormal",
    series: (random) => () => Math.exp(normal(random)),
    mean: Math.exp(0.5),
    at: Math.exp,
  },
  {
    name: "AR(1)",
    series: (random) => {
      let before = normal(random);
      return () => {
        const value = 100 + 15 * before;
        before = 0.5 * before + Math.sqrt(0.75) * normal(random);
        return value;
      };
    },
    mean: 100,
    at: (z) => 100 + 15 * z,
  },
];

export function draw(distribution: Distribution, random: Random, n: number): Float64Array {
  return Float64Array.from({ length: n }, distribution.series(random));
}
