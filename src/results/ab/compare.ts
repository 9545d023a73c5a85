import type { AbComparison, AbFinding } from "../schema/ab.ts";
import type { Metrics } from "../schema/metrics.ts";
import { moments } from "../statistics.ts";
import { ALPHA, holm, type PairedT, pairedT, smallestSeen } from "./paired-t.ts";
import { furtherQuantities, type Quantity, quantitiesOf } from "./quantities.ts";
import { comparisonSentence, pointName } from "./words.ts";

/** Fewest pairs that are compared: with fewer, t finds next to nothing and says so with intervals that say nothing. */
const MIN_PAIRS = 6;

/** A point of A and its counterpart of B, and what their blocks measured, of the pairs where both can be used. */
export interface ComparedPoint {
  readonly pointA: string;
  readonly pointB: string;
  readonly openLoop: boolean;
  readonly pairs: readonly { readonly pair: number; readonly a: Metrics; readonly b: Metrics }[];
}

interface Values {
  readonly pair: number;
  readonly a: number;
  readonly b: number;
}

/** A quantity of a point before it is one of a family. */
interface Measured {
  readonly point: ComparedPoint;
  readonly quantity: Quantity;
  readonly values: readonly Values[];
  readonly test: PairedT;
}

/**
 * Every quantity of every point: the mean of the pairs' differences (of logarithms where it is a ratio), paired t, and
 * Holm's correction over all of them. Blocks are the unit: requests of one block share a deployment and its moment.
 */
export function comparePoints(points: readonly ComparedPoint[]): {
  readonly comparisons: AbComparison[];
  readonly omitted: string[];
} {
  const omitted: string[] = [];
  const measured = points.flatMap((point) => {
    if (point.pairs.length < MIN_PAIRS) {
      omitted.push(
        `${pointName(point)}: ${point.pairs.length} pairs can be used, and ${MIN_PAIRS} are needed; the others have a block that is invalid.`,
      );
      return [];
    }
    return measurePoint(point, omitted);
  });
  const corrected = holm(measured.map(({ test }) => test.p));
  const found = corrected.filter((p) => p <= ALPHA).length;
  const level = ALPHA / Math.max(1, measured.length - found);
  return {
    comparisons: measured.map((each, index) =>
      comparisonOf(each, corrected[index] as number, level, points.length > 1),
    ),
    omitted,
  };
}

function measurePoint(point: ComparedPoint, omitted: string[]): Measured[] {
  const main = quantitiesOf(point.openLoop).flatMap((candidates) => {
    const whole = candidates.find((each) => valuesOf(point, each).length === point.pairs.length);
    const most = whole ?? candidates.find((each) => valuesOf(point, each).length >= MIN_PAIRS);
    if (most !== undefined) return [most];
    const [first] = candidates;
    if (first !== undefined)
      omitted.push(`${pointName(point)}: ${first.title} is not in both blocks of ${MIN_PAIRS} pairs.`);
    return [];
  });
  const further = furtherQuantities(point.openLoop).filter(
    (each) => valuesOf(point, each).length === point.pairs.length,
  );
  return [...main, ...further].map((quantity) => {
    const values = valuesOf(point, quantity);
    const test = pairedT(values.map(({ a, b }) => (quantity.scale === "ratio" ? Math.log(b / a) : b - a)));
    return { point, quantity, values, test };
  });
}

function valuesOf(point: ComparedPoint, { of, scale }: Quantity): Values[] {
  return point.pairs.flatMap(({ pair, a, b }) => {
    const values = { a: of(a), b: of(b) };
    if (values.a === null || values.b === null) return [];
    if (scale === "ratio" && (values.a <= 0 || values.b <= 0)) return [];
    return [{ pair, a: values.a, b: values.b }];
  });
}

function comparisonOf(
  { point, quantity, values, test }: Measured,
  pHolm: number,
  level: number,
  severalPoints: boolean,
): AbComparison {
  const { of: _of, ...described } = quantity;
  const ratio = quantity.scale === "ratio";
  const shown = (difference: number) => (ratio ? Math.expm1(difference) : difference);
  const mean = (pick: (value: Values) => number) =>
    ratio
      ? Math.exp(moments(values.map((value) => Math.log(pick(value)))).mean)
      : moments(values.map(pick)).mean;
  const comparison: AbComparison = {
    ...described,
    pointA: point.pointA,
    pointB: point.pointB,
    a: mean(({ a }) => a),
    b: mean(({ b }) => b),
    differences: values.map(({ pair, a, b }) => ({ pair, difference: ratio ? b / a - 1 : b - a })),
    difference: shown(test.mean),
    interval: [shown(test.interval[0]), shown(test.interval[1])],
    p: test.p,
    pHolm,
    finding: findingOf(pHolm, test.mean, quantity.lowerIsBetter),
    smallestSeen: shown(smallestSeen(test.deviation, values.length, level)),
    smallestSeenAlone: shown(smallestSeen(test.deviation, values.length, ALPHA)),
    sentence: "",
  };
  return { ...comparison, sentence: comparisonSentence(comparison, severalPoints) };
}

function findingOf(pHolm: number, difference: number, lowerIsBetter: boolean): AbFinding {
  if (pHolm > ALPHA) return "no-difference-shown";
  return difference < 0 === lowerIsBetter ? "better" : "worse";
}
