import { describeAmount, describeLoad } from "./describe.ts";
import type { LoadGroup, ModelGroup } from "./groups.ts";

/** A load in a table's words, with its block where the model has several. */
export function titleOf(model: ModelGroup, group: LoadGroup): string {
  const amounts = [...new Set(group.entries.flatMap((entry) => describeAmount(entry.point.load) ?? []))];
  const load = [describeLoad(group.load), ...(amounts.length === 1 ? amounts : [])].join(" · ");
  return model.blocks.length > 1 ? `${group.block}: ${load}` : load;
}
