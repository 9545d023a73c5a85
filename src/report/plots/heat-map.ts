import type { TopLevelSpec } from "vega-lite";
import { shorten } from "../../display-width.ts";
import type { Results } from "../../results/schema/results.ts";
import { formatNumber, NONE, shortLoad } from "../describe.ts";
import { latencyMean } from "../estimates.ts";
import {
  groupByModel,
  isComparable,
  type LoadGroup,
  loadLabels,
  type ModelGroup,
  variantName,
} from "../groups.ts";
import { numericColumn, type TableCell, text, textColumn } from "../table.ts";
import type { Palette } from "./palette.ts";
import type { Plot, PlotMaker } from "./plot.ts";
import { labelsByPosition, PANEL_WIDTH, panelConfig } from "./svg.ts";

/** Upper ends of the colours: how many times the least latency of the same model and load. */
const STEPS = [1.02, 1.1, 1.25, 1.5, 2, Number.POSITIVE_INFINITY] as const;
/** More columns than this do not fit a phone; further loads go into a panel of their own. */
const COLUMNS = 8;

interface HeatCell {
  readonly column: number;
  readonly row: number;
  readonly label: string;
  /** Place in STEPS; -1 where nothing comparable was measured. */
  readonly step: number;
}

export const latencyHeatMap: PlotMaker = (results, palette) => {
  const models = groupByModel(results).filter((model) => model.cells.length > 1 && loadsOf(model).length > 0);
  if (models.length === 0) return undefined;
  const square = "M-1,-1H1V1H-1Z";
  return {
    id: "latency-heat-map",
    title: "Heat map of latency",
    caption:
      "Mean end-to-end latency in seconds of each variant at each load. The colour compares within a column: how many times the least latency of the same model at that load.",
    legend: STEPS.map((end, i) => ({
      name: describeStep(i, end),
      color: palette.heat[i] ?? palette.surface,
      shape: square,
      outlined: true,
    })),
    panels: models.flatMap((model) =>
      model.blocks.flatMap((block) =>
        chunk(block.loads.filter(hasFigure), COLUMNS).map((loads) => ({
          title: `E2E latency, s · ${[model.model, ...(model.blocks.length > 1 ? [block.block] : [])].join(", ")}`,
          description: `A row for each of ${model.cells.length} variants, a column for each of ${loads.length} loads. The figures are in the table.`,
          spec: heatPanel(results, palette, model, loads),
        })),
      ),
    ),
    table: {
      caption: "Mean E2E latency in seconds",
      columns: [
        textColumn("Variant"),
        ...loadLabels(longestRow(models)).map((label) => numericColumn(label)),
      ],
      groups: models.map((model) => ({
        title: model.model,
        rows: model.cells.map((cell, row): readonly TableCell[] => [
          text(variantName(results, cell)),
          ...heatCells(model, loadsOf(model))
            .filter((each) => each.row === row)
            .map((each) => text(each.label)),
        ]),
      })),
    },
  } satisfies Plot;
};

function loadsOf(model: ModelGroup): readonly LoadGroup[] {
  return model.blocks.flatMap((block) => block.loads).filter(hasFigure);
}

function hasFigure(group: LoadGroup): boolean {
  return group.entries.some(isComparable);
}

/** Column heads come from the model with most loads: models of one config share them. */
function longestRow(models: readonly ModelGroup[]): readonly LoadGroup[] {
  return models
    .map(loadsOf)
    .reduce((longest, loads) => (loads.length > longest.length ? loads : longest), []);
}

function describeStep(index: number, end: number): string {
  const from = index === 0 ? 1 : (STEPS[index - 1] ?? 1);
  return end === Number.POSITIVE_INFINITY ? `over ${from} ×` : `to ${end} ×`;
}

function heatCells(model: ModelGroup, loads: readonly LoadGroup[]): readonly HeatCell[] {
  return loads.flatMap((group, column) => {
    const values = model.cells.map((cell) => {
      const entry = group.entries.find((each) => each.cell.id === cell.id);
      return entry !== undefined && isComparable(entry)
        ? (latencyMean(entry.point, "e2e")?.value ?? null)
        : null;
    });
    const least = Math.min(...values.filter((value) => value !== null));
    return values.map((value, row) => ({
      column,
      row,
      label: value === null ? NONE : formatNumber(value / 1000),
      step: value === null ? -1 : STEPS.findIndex((end) => value / least <= end),
    }));
  });
}

function heatPanel(
  results: Results,
  palette: Palette,
  model: ModelGroup,
  loads: readonly LoadGroup[],
): TopLevelSpec {
  const cells = heatCells(model, loads);
  const columns = loads.map((_, i) => i);
  const rows = model.cells.map((_, i) => i);
  const names = model.cells.map((cell) => shorten(variantName(results, cell), 16));
  const steps = [-1, ...STEPS.map((_, i) => i)];
  const x = {
    field: "column",
    type: "ordinal",
    title: null,
    scale: { domain: columns, padding: 0.04 },
    axis: {
      orient: "top",
      labelExpr: labelsByPosition(
        columns,
        loads.map((group) =>
          shorten(shortLoad(group.load), loads.length > 3 ? 20 : Math.floor(48 / loads.length)),
        ),
      ),
      labelAngle: loads.length > 3 ? -40 : 0,
      labelAlign: loads.length > 3 ? "left" : "center",
      domain: false,
      ticks: false,
    },
  } as const;
  const y = {
    field: "row",
    type: "ordinal",
    title: null,
    scale: { domain: rows, padding: 0.06 },
    axis: { labelExpr: labelsByPosition(rows, names), domain: false },
  } as const;
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: PANEL_WIDTH,
    height: rows.length * 32 + (loads.length > 3 ? 84 : 30),
    autosize: { type: "fit", contains: "padding" },
    // A slanted label ends further right than is reckoned with before the columns shrink.
    padding: { left: 2, top: 2, bottom: 2, right: loads.length > 3 ? 14 : 2 },
    config: panelConfig(palette),
    data: { values: [...cells] },
    encoding: { x, y },
    layer: [
      {
        mark: { type: "rect", cornerRadius: 2 },
        encoding: {
          color: {
            field: "step",
            type: "nominal",
            scale: { domain: steps, range: ["transparent", ...palette.heat] },
            legend: null,
          },
        },
      },
      {
        mark: { type: "text", fontSize: 11 },
        encoding: {
          text: { field: "label", type: "nominal" },
          color: {
            field: "step",
            type: "nominal",
            scale: { domain: steps, range: [palette.muted, ...palette.heatInk] },
            legend: null,
          },
        },
      },
    ],
    resolve: { scale: { color: "independent" } },
  };
}

function chunk<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const parts = Math.ceil(items.length / size);
  const each = Math.ceil(items.length / Math.max(1, parts));
  return Array.from({ length: parts }, (_, i) => items.slice(i * each, (i + 1) * each));
}
