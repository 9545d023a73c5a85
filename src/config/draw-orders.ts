import { createRandom, shuffle } from "../load/random.ts";
import type { PointPlan } from "./plan.ts";

/**
 * Which of A and B comes first in each pair of blocks: as many AB as BA (one more of either, by chance, where their number
 * is odd), in random order. The same seed gives the same draw.
 */
export function drawOrders(pairs: number, seed: number): ("AB" | "BA")[] {
  const random = createRandom(seed, "ab/orders");
  const first = random.below(2);
  const orders = Array.from({ length: pairs }, (_, index) => ((index + first) % 2 === 0 ? "AB" : "BA"));
  return shuffle(orders, random);
}

/**
 * Ids of a cell's points in the order in which each repetition measures them: random, so that a server that grows slower is
 * not taken for a difference between points. By place, not by name: cells with as many points draw the same order.
 */
export function drawPointOrders(
  points: readonly PointPlan[],
  repetitions: number,
  seed: number,
): { order?: string[][] } {
  const of = (point: PointPlan) => point.repetitions ?? repetitions;
  const most = Math.max(0, ...points.map(of));
  if (most < 2 || points.length < 2) return {};
  const order = Array.from({ length: most }, (_, index) =>
    shuffle([...points], createRandom(seed, `points/${index + 1}`))
      .filter((point) => of(point) > index)
      .map(({ id }) => id),
  );
  return { order };
}
