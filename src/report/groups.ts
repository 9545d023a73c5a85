import type { CellResult, PointResult, Results } from "../results/schema/results.ts";
import { type Load, shortLoad } from "./describe.ts";

/** One cell's point at a load. */
export interface Entry {
  readonly cell: CellResult;
  readonly point: PointResult;
}

/** The same load of one block, measured on several cells of one model: what can be set side by side. */
export interface LoadGroup {
  readonly block: string;
  readonly load: Load;
  readonly entries: readonly Entry[];
}

export interface BlockGroup {
  readonly block: string;
  readonly loads: readonly LoadGroup[];
}

/** All cells that serve one model. Cells of different models are never set against each other. */
export interface ModelGroup {
  readonly model: string;
  readonly cells: readonly CellResult[];
  readonly blocks: readonly BlockGroup[];
}

/** What makes two loads the same; how many requests were sent is not part of it. */
function loadKey(load: Load): string {
  return JSON.stringify([
    load.arrival,
    load.concurrency ?? null,
    load.ratePerSecond ?? null,
    load.maxConcurrency ?? null,
    load.inputTokens ?? null,
    load.outputTokens,
    load.cache ?? null,
  ]);
}

/** Models, blocks and loads in the order in which the config names them. */
export function groupByModel(results: Results): readonly ModelGroup[] {
  return gather(results.cells, (cell) => cell.model.id).map(([model, cells]) => ({
    model,
    cells,
    blocks: gather(
      cells.flatMap((cell) => measuredPoints(cell).map((point) => ({ cell, point }))),
      (entry) => entry.point.block,
    ).map(([block, entries]) => ({
      block,
      loads: gather(entries, (entry) => `${entry.point.id} ${loadKey(entry.point.load)}`).flatMap(
        ([, same]) => {
          const first = same[0];
          return first === undefined ? [] : [{ block, load: first.point.load, entries: same }];
        },
      ),
    })),
  }));
}

/** Items by key, keys and items in order of appearance. */
export function gather<Item>(
  items: readonly Item[],
  key: (item: Item) => string,
): readonly (readonly [string, readonly Item[]])[] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  return [...groups];
}

/** A cell's name among cells of its own model: the variant, with its hardware where that differs. */
export function variantName(results: Results, cell: CellResult): string {
  const several = new Set(results.cells.map((other) => other.hardware)).size > 1;
  return several ? `${cell.variant} on ${cell.hardware}` : cell.variant;
}

/** A cell's name among all cells. */
export function cellName(results: Results, cell: CellResult): string {
  const several = new Set(results.cells.map((other) => other.model.id)).size > 1;
  return several ? `${variantName(results, cell)}, ${cell.model.id}` : variantName(results, cell);
}

/** The variants of a run in order of appearance: the index decides a series' colour and shape everywhere. */
export function variantNames(results: Results): readonly string[] {
  return [...new Set(results.cells.map((cell) => variantName(results, cell)))];
}

/** The variant that others are shown relative to: the config's choice where it was measured, else the first. */
export function baselineVariant(results: Results): string | undefined {
  const asked = results.run.plan.baseline;
  const variants = results.cells.map((cell) => cell.variant);
  return asked !== undefined && variants.includes(asked) ? asked : variants[0];
}

/** Numbers that may be compared: measured, and not found invalid. */
export function isComparable(entry: Entry): boolean {
  return entry.point.metrics !== null && entry.point.verdict.status !== "invalid";
}

/** Names of loads, short unless `describe` says otherwise; with the block where two blocks hold the same load. */
export function loadLabels(
  groups: readonly Pick<LoadGroup, "block" | "load">[],
  describe: (load: Load) => string = shortLoad,
): readonly string[] {
  const labels = groups.map((group) => describe(group.load));
  return labels.map((label, i) =>
    labels.filter((other) => other === label).length > 1 ? `${label} (${groups[i]?.block})` : label,
  );
}

/** A cell's points without the probes of searches for the capacity, which stand in a section of their own. */
export function measuredPoints(cell: CellResult): readonly PointResult[] {
  const probes = new Set((cell.capacity ?? []).flatMap((search) => search.probes.map(({ point }) => point)));
  return cell.points.filter(({ id }) => !probes.has(id));
}

/** Input and output length of a search's requests, short: "128 out · 512 in". */
export function shortLengths(cell: CellResult, search: string): string | undefined {
  const probe = cell.points.find(({ id }) => id.startsWith(`${search}-`));
  if (probe === undefined) return undefined;
  const { outputTokens, inputTokens } = probe.load;
  return [`${outputTokens} out`, ...(inputTokens === undefined ? [] : [`${inputTokens} in`])].join(" · ");
}
