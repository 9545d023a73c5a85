import type { Plan } from "../../config/plan.ts";
import { isUsable } from "../point-verdict.ts";
import type { AbDesign, AbResult } from "../schema/ab.ts";
import type { CellResult, MeasurementResult } from "../schema/results.ts";
import { type ComparedPoint, comparePoints } from "./compare.ts";
import { ALPHA } from "./paired-t.ts";
import { outcomeSentence } from "./words.ts";

/**
 * What an A/B found, from its cells' results. Nothing is compared until every pair is measured: who looks at each pair
 * and stops when the numbers please finds differences that are not there.
 */
export function assembleAb(design: AbDesign, plan: Plan, cells: readonly CellResult[]): AbResult {
  const points = pointsOf(design, plan, cells);
  const pairs = design.orders.length;
  const isDone = (pair: number) =>
    points.length > 0 && points.every(({ blocks }) => blocks.some((each) => each.pair === pair));
  const pairsDone = design.orders.filter((_, index) => isDone(index + 1)).length;
  const result: AbResult = {
    ...design,
    alpha: ALPHA,
    pairsDone,
    comparisons: [],
    omitted: [],
    sentence: `Not compared yet: ${pairsDone} of ${pairs} pairs are measured. They are compared when all are.`,
  };
  if (pairsDone < pairs) return result;
  const { comparisons, omitted } = comparePoints(
    points.map(({ blocks, ...point }) => ({
      ...point,
      pairs: blocks
        .filter(({ a, b }) => isUsable(a) && isUsable(b))
        .map(({ pair, a, b }) => ({ pair, a: a.metrics, b: b.metrics })),
    })),
  );
  const names = { a: nameOf(design.a, cells), b: nameOf(design.b, cells) };
  const sentence =
    comparisons.length === 0
      ? `Nothing can be compared: ${omitted.join(" ")}`
      : outcomeSentence(names, pairs, comparisons);
  return { ...result, comparisons, omitted, sentence };
}

interface BlockPair {
  readonly pair: number;
  readonly a: MeasurementResult;
  readonly b: MeasurementResult;
}

/** Points side by side in the plan's order, each with the pairs whose two blocks are whole. */
function pointsOf(
  { a, b, orders }: AbDesign,
  plan: Plan,
  cells: readonly CellResult[],
): (Omit<ComparedPoint, "pairs"> & { readonly blocks: readonly BlockPair[] })[] {
  const planned = (id: string) => plan.cells.find((cell) => cell.id === id)?.points ?? [];
  const measured = (cell: string, point: string, pair: number) =>
    cells
      .find(({ id }) => id === cell)
      ?.points.find(({ id }) => id === point)
      ?.measurements.find(({ repetition, verdict }) => repetition === pair && isWhole(verdict));
  return planned(a).flatMap((pointA, index) => {
    const pointB = planned(b)[index];
    if (pointB === undefined) return [];
    const blocks = orders.flatMap((_, before) => {
      const pair = before + 1;
      const ofA = measured(a, pointA.id, pair);
      const ofB = measured(b, pointB.id, pair);
      return ofA === undefined || ofB === undefined ? [] : [{ pair, a: ofA, b: ofB }];
    });
    return [{ pointA: pointA.id, pointB: pointB.id, openLoop: pointA.load.arrival !== "closed", blocks }];
  });
}

function isWhole({ reasons }: MeasurementResult["verdict"]): boolean {
  return reasons.every(({ code }) => code !== "interrupted");
}

function nameOf(cell: string, cells: readonly CellResult[]): string {
  return cells.find(({ id }) => id === cell)?.variant ?? cell;
}
