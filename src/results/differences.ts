import { isUsable } from "./point-verdict.ts";
import type { Metrics } from "./schema/metrics.ts";
import type { CellResult, Difference, PointResult } from "./schema/results.ts";
import { THRESHOLDS } from "./thresholds.ts";

type Kind = Difference["kind"];

/** What a cell did at one load, reduced to one number, and the words for it. */
interface Work {
  readonly kind: Kind;
  readonly of: (metrics: Metrics, point: PointResult) => number | null;
  /** How far apart two cells are, and from where on that is different work. */
  readonly apart: (a: number, b: number) => number;
  readonly limit: number;
  /** Whether two cells that are further apart still did as good as the same. */
  readonly isNothing?: (a: Valued, b: Valued) => boolean;
  readonly say: (name: string, value: number) => string;
  readonly why: string;
}

interface Valued {
  readonly cell: CellResult;
  readonly promptMean: number | null;
  readonly value: number;
}

const relative = (a: number, b: number): number =>
  a === b ? 0 : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));
const absolute = (a: number, b: number): number => Math.abs(a - b);

const WORKS: readonly Work[] = [
  {
    kind: "prompt-tokens",
    of: (metrics) => metrics.tokens.promptMean,
    apart: relative,
    limit: THRESHOLDS.outputLength,
    say: (name, value) => `${name} counts ${number(value)} prompt tokens`,
    why: "their tokenizers or chat templates differ, and more prompt is more work before the first token",
  },
  {
    kind: "output-tokens",
    of: (metrics) => metrics.tokens.outputMean,
    apart: relative,
    limit: THRESHOLDS.outputLength,
    say: (name, value) => `${name} wrote ${number(value)} tokens`,
    why: "longer answers take longer, and their fixed costs weigh less",
  },
  {
    kind: "finish",
    of: (metrics) => lengthShare(metrics.finish),
    apart: absolute,
    limit: THRESHOLDS.cachedShare,
    say: (name, value) => `${name} ended ${percent(value)} of its answers at the length limit`,
    why: "the others ended by themselves",
  },
  {
    kind: "cached-tokens",
    of: cachedShare,
    apart: absolute,
    limit: THRESHOLDS.cachedShare,
    // Of a short prompt a fraction of a token is many points.
    isNothing: (a, b) => Math.abs(a.value * (a.promptMean ?? 0) - b.value * (b.promptMean ?? 0)) < 1,
    say: (name, value) => `${name} took ${percent(value)} of its prompt tokens from its cache`,
    why: "what is cached is not computed",
  },
];

/**
 * Cells of one model that did different work: weights' precision, hardware, and at the load where they are furthest
 * apart tokens in, tokens out, ends and cache. What a server does not say is not compared. Limits as in verdicts.
 */
export function findDifferences(cells: readonly CellResult[]): Difference[] {
  const models = new Map<string, CellResult[]>();
  for (const cell of cells) models.set(cell.model.id, [...(models.get(cell.model.id) ?? []), cell]);
  return [...models.values()].flatMap((group) => [
    ...compareWords(
      group,
      "precision",
      (cell) => cell.model.precision,
      "weights in",
      "fewer bits are less to read for every token",
    ),
    ...compareWords(group, "hardware", (cell) => cell.hardware, "on", "the difference may be the hardware's"),
    ...WORKS.flatMap((work) => compareWork(group, work)),
  ]);
}

function compareWords(
  group: readonly CellResult[],
  kind: Kind,
  of: (cell: CellResult) => string | undefined,
  preposition: string,
  why: string,
): Difference[] {
  const known = group.flatMap((cell) => {
    const word = of(cell);
    return word === undefined ? [] : [{ cell, word }];
  });
  if (new Set(known.map(({ word }) => word.toLowerCase())).size < 2) return [];
  const text = `${known.map(({ cell, word }) => `${cell.variant} ran ${preposition} ${word}`).join(", ")}: ${why}.`;
  return [{ kind, text, cells: known.map(({ cell }) => cell.id) }];
}

function compareWork(group: readonly CellResult[], work: Work): Difference[] {
  let furthest: { apart: number; load: string; values: Valued[] } | undefined;
  for (const load of new Set(group.flatMap((cell) => cell.points.map((point) => point.id)))) {
    const values = group.flatMap((cell) => {
      const point = cell.points.find(({ id }) => id === load);
      const metrics = point?.metrics ?? null;
      const value = point === undefined || metrics === null ? null : work.of(metrics, point);
      return value === null ? [] : [{ cell, promptMean: metrics?.tokens.promptMean ?? null, value }];
    });
    const ascending = values.toSorted((a, b) => a.value - b.value);
    const [low, high] = [ascending[0], ascending.at(-1)];
    if (low === undefined || high === undefined) continue;
    const apart = work.apart(low.value, high.value);
    if (apart <= work.limit || apart <= (furthest?.apart ?? 0)) continue;
    if (work.isNothing?.(low, high) !== true) furthest = { apart, load, values };
  }
  if (furthest === undefined) return [];
  const said = furthest.values.map(({ cell, value }) => work.say(cell.variant, value)).join(", ");
  return [
    {
      kind: work.kind,
      text: `At ${furthest.load}, ${said}: ${work.why}.`,
      cells: furthest.values.map(({ cell }) => cell.id),
    },
  ];
}

/** Share of answers that ended because they were long enough; null without any. */
function lengthShare(finish: Readonly<Record<string, number>>): number | null {
  const total = Object.values(finish).reduce((sum, count) => sum + count, 0);
  return total === 0 ? null : (finish["length"] ?? 0) / total;
}

/** By usage, else by the counters of the servers' prefix caches; null where neither is told. */
function cachedShare({ tokens }: Metrics, { measurements }: PointResult): number | null {
  if (tokens.cachedMean !== null && tokens.promptMean) return tokens.cachedMean / tokens.promptMean;
  const counted = measurements.filter(isUsable).flatMap(({ server }) => server?.cachedShare ?? []);
  return counted.length === 0 ? null : counted.reduce((sum, share) => sum + share, 0) / counted.length;
}

function number(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
