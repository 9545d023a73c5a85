import type { Results } from "../../results/schema/results.ts";
import { describeLoad, type Load } from "../describe.ts";
import { type BlockGroup, type Entry, gather, groupByModel, isComparable } from "../groups.ts";

/** Loads of one block that differ in one thing only: a sweep. */
export interface Sweep {
  readonly model: string;
  readonly block: string;
  /** What stays the same, in words: "concurrency 1". */
  readonly fixed: string;
  readonly entries: readonly Entry[];
}

export type Axis = "output" | "concurrency" | "rate";

export function axisValue(load: Load, axis: Axis): number | undefined {
  if (axis === "output") return load.outputTokens;
  return axis === "concurrency" ? load.concurrency : load.ratePerSecond;
}

export const AXIS_TITLES: Readonly<Record<Axis, string>> = {
  output: "output tokens",
  concurrency: "concurrency: requests in flight",
  rate: "offered requests per second",
};

/** Sweeps along `axis` with at least two values, in each model and block. */
export function findSweeps(results: Results, axis: Axis): readonly Sweep[] {
  return groupByModel(results).flatMap((model) =>
    model.blocks.flatMap((block) =>
      gather(entriesOf(block, axis), (entry) => fixedPart(entry.point.load, axis)).flatMap(
        ([fixed, entries]) => {
          const values = new Set(entries.map((entry) => axisValue(entry.point.load, axis)));
          return values.size < 2 ? [] : [{ model: model.model, block: block.block, fixed, entries }];
        },
      ),
    ),
  );
}

function entriesOf(block: BlockGroup, axis: Axis): readonly Entry[] {
  return block.loads
    .flatMap((group) => group.entries)
    .filter((entry) => isComparable(entry) && axisValue(entry.point.load, axis) !== undefined);
}

function fixedPart(load: Load, axis: Axis): string {
  const words = describeLoad(load).split(", ");
  const varying = axis === "output" ? / out$/ : axis === "concurrency" ? /^concurrency / : /requests?\/s$/;
  return words.filter((word) => !varying.test(word)).join(", ");
}
