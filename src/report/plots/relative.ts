import type { TopLevelSpec } from "vega-lite";
import { shorten } from "../../display-width.ts";
import type { Results } from "../../results/schema/results.ts";
import { describeLoad, formatNumber, formatRange, NONE } from "../describe.ts";
import { commonThroughput, type Estimate, latencyMean, throughputOf } from "../estimates.ts";
import {
  baselineVariant,
  type Entry,
  groupByModel,
  isComparable,
  type LoadGroup,
  loadLabels,
  type ModelGroup,
  variantName,
  variantNames,
} from "../groups.ts";
import { numericColumn, type TableCell, text, textColumn } from "../table.ts";
import { variantLegend } from "./legend.ts";
import { type Palette, seriesStyle } from "./palette.ts";
import type { Plot, PlotMaker } from "./plot.ts";
import { PANEL_WIDTH, panelConfig, rowAxes } from "./svg.ts";

/** A ratio to the baseline at the same load, with the range that both intervals allow. */
export interface Ratio {
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

/**
 * `value` / `base`. Its range, where both have intervals, goes from the one's lower end over the other's upper end
 * to the reverse: wider than an interval of the ratio, never narrower.
 */
export function ratioOf(value: Estimate, base: Estimate): Ratio | null {
  if (base.value <= 0) return null;
  const ratio = value.value / base.value;
  if (value.spread !== "interval" || base.spread !== "interval") return { value: ratio };
  const { low = value.value, high = value.value } = value;
  const { low: baseLow = base.value, high: baseHigh = base.value } = base;
  return baseLow <= 0 ? { value: ratio } : { value: ratio, low: low / baseHigh, high: high / baseLow };
}

interface RatioRow {
  readonly group: LoadGroup;
  readonly entry: Entry;
  readonly throughput: Ratio | null;
  readonly e2e: Ratio | null;
}

export const relativeToBaseline: PlotMaker = (results, palette) => {
  // A ratio ranks: a strict comparison of different work has none.
  if (results.run.plan.strict === true && results.differences.length > 0) return undefined;
  // Its ranges are of requests; an A/B's plot is of blocks, and may say otherwise.
  if (results.ab !== undefined) return undefined;
  const baseline = baselineVariant(results);
  const models = groupByModel(results)
    .map((model) => ({ model, rows: ratioRows(model, baseline) }))
    .filter(({ rows }) => rows.length > 0);
  if (models.length === 0) return undefined;
  const several = models.length > 1;
  return {
    id: "relative",
    title: `Relative to ${baseline}`,
    caption: `Each variant divided by ${baseline} at the same load: right of 1 is more. For throughput more is better, for latency less. A bar is the range that both intervals allow; where it crosses 1, no difference is shown. A faint mark has no interval, and shows none by itself.`,
    legend: variantLegend(
      results,
      palette,
      models.flatMap(({ rows }) => rows.map((row) => row.entry)),
    ),
    panels: models.flatMap(({ model, rows }) =>
      (["throughput", "e2e"] as const).flatMap((key) =>
        rows.every((row) => row[key] === null)
          ? []
          : [
              {
                title: `${key === "throughput" ? "Throughput" : "E2E latency"}, times ${baseline}${several ? ` · ${model.model}` : ""}`,
                description: `${key === "throughput" ? "Throughput" : "Mean E2E latency"} of each variant divided by that of ${baseline}, a row a load. The figures are in the table.`,
                spec: ratioPanel(results, palette, rows, key),
              },
            ],
      ),
    ),
    table: ratioTable(results, models, baseline ?? NONE),
  } satisfies Plot;
};

function ratioRows(model: ModelGroup, baseline: string | undefined): readonly RatioRow[] {
  return model.blocks
    .flatMap((block) => block.loads)
    .flatMap((group) => {
      const usable = group.entries.filter(isComparable);
      const base = usable.find((entry) => entry.cell.variant === baseline);
      if (base === undefined) return [];
      const kind = commonThroughput(usable.map((entry) => entry.point));
      const ratio = (value: Estimate | null, of: Estimate | null) =>
        value && of ? ratioOf(value, of) : null;
      return usable
        .filter((entry) => entry !== base)
        .map((entry) => ({
          group,
          entry,
          throughput: ratio(throughputOf(entry.point, kind), throughputOf(base.point, kind)),
          e2e: ratio(latencyMean(entry.point, "e2e"), latencyMean(base.point, "e2e")),
        }));
    });
}

function ratioPanel(
  results: Results,
  palette: Palette,
  rows: readonly RatioRow[],
  key: "throughput" | "e2e",
): TopLevelSpec {
  const variants = variantNames(results);
  const loads = [...new Set(rows.map((row) => row.group))];
  const drawn = [...new Set(rows.map((row) => variants.indexOf(variantName(results, row.entry.cell))))].sort(
    (a, b) => a - b,
  );
  const data = rows.flatMap((row) => {
    const ratio = row[key];
    const s = variants.indexOf(variantName(results, row.entry.cell));
    if (ratio === null) return [];
    const aside = (drawn.indexOf(s) - (drawn.length - 1) / 2) * (0.6 / Math.max(1, drawn.length));
    return [
      {
        s,
        y: loads.indexOf(row.group) + 0.5 + aside,
        value: ratio.value,
        low: ratio.low ?? ratio.value,
        high: ratio.high ?? ratio.value,
        bounded: ratio.low !== undefined,
      },
    ];
  });
  const ends = data.flatMap((row) => [row.low, row.high]);
  const styles = drawn.map((index) => seriesStyle(palette, index));
  const color = {
    field: "s",
    type: "nominal",
    scale: { domain: drawn, range: styles.map((style) => style.color) },
    legend: null,
  } as const;
  const labels = loadLabels(loads).map((label) => shorten(label, 24));
  const { x, y } = rowAxes(labels, [Math.min(0.9, ...ends), Math.max(1.1, ...ends)]);
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: PANEL_WIDTH,
    height: 40 + loads.length * (16 + 9 * drawn.length),
    autosize: { type: "fit", contains: "padding" },
    config: panelConfig(palette),
    data: { values: data },
    layer: [
      {
        data: { values: loads.slice(1).map((_, i) => ({ y: i + 1 })) },
        mark: { type: "rule", strokeWidth: 1, color: palette.grid },
        encoding: { y },
      },
      {
        data: { values: [{ one: 1 }] },
        mark: { type: "rule", strokeWidth: 1.4, color: palette.muted },
        encoding: { x: { ...x, field: "one" } },
      },
      {
        mark: { type: "rule", strokeWidth: 5, opacity: 0.35 },
        encoding: { x: { ...x, field: "low" }, x2: { field: "high" }, y, color },
      },
      {
        mark: { type: "point", filled: true, size: 55 },
        encoding: {
          x: { ...x, field: "value" },
          opacity: { condition: { test: "datum.bounded", value: 1 }, value: 0.45 },
          y,
          color,
          shape: {
            field: "s",
            type: "nominal",
            scale: { domain: drawn, range: styles.map((style) => style.shape) },
            legend: null,
          },
        },
      },
    ],
  };
}

function ratioTable(
  results: Results,
  models: readonly { readonly model: ModelGroup; readonly rows: readonly RatioRow[] }[],
  baseline: string,
): Plot["table"] {
  const ratioCell = (ratio: Ratio | null): TableCell =>
    ratio === null
      ? text(NONE)
      : text(
          formatNumber(ratio.value),
          ratio.low === undefined || ratio.high === undefined
            ? undefined
            : `[${formatRange(ratio.low, ratio.high)}]`,
        );
  return {
    caption: `Times ${baseline}`,
    columns: [
      textColumn("Load"),
      textColumn("Variant"),
      numericColumn("Throughput", `× ${baseline}`),
      numericColumn("E2E latency", `× ${baseline}`),
    ],
    groups: models.map(({ model, rows }) => {
      const loads = [...new Set(rows.map((row) => row.group))];
      const labels = loadLabels(loads, describeLoad);
      return {
        title: model.model,
        rows: rows.map((row) => [
          text(labels[loads.indexOf(row.group)] ?? NONE),
          text(variantName(results, row.entry.cell)),
          ratioCell(row.throughput),
          ratioCell(row.e2e),
        ]),
      };
    }),
  };
}
