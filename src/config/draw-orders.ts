import { createRandom, shuffle } from "../load/random.ts";

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
