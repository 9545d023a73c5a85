import type { TopLevelSpec } from "vega-lite";
import { shorten } from "../../display-width.ts";
import type { Histogram, Results } from "../../results/schema/results.ts";
import { describeLoad } from "../describe.ts";
import { LATENCY_COLUMNS, latencyCells } from "../estimate-cells.ts";
import { latencyOf } from "../estimates.ts";
import {
  type Entry,
  groupByModel,
  isComparable,
  type LoadGroup,
  type ModelGroup,
  variantName,
  variantNames,
} from "../groups.ts";
import { type Table, text, textColumn } from "../table.ts";
import { variantLegend } from "./legend.ts";
import type { Palette } from "./palette.ts";
import { seriesStyle } from "./palette.ts";
import type { Panel, Plot, PlotMaker } from "./plot.ts";
import { labelsByPosition, PANEL_WIDTH, panelConfig } from "./svg.ts";

type Distributed = "ttft" | "tpot";

interface Words {
  readonly title: string;
  readonly words: string;
  /** Where requests arrive at a rate. */
  readonly openWords: string;
}

const TITLES: Readonly<Record<Distributed, Words>> = {
  ttft: {
    title: "TTFT",
    words: "time from the send to the first token",
    openWords: "time from when a request was due to its first token",
  },
  tpot: { title: "TPOT", words: "time per output token", openWords: "time per output token" },
};

export const ttftDistribution: PlotMaker = (results, palette) => makePlot(results, palette, "ttft");
export const tpotDistribution: PlotMaker = (results, palette) => makePlot(results, palette, "tpot");

function makePlot(results: Results, palette: Palette, name: Distributed): Plot | undefined {
  const places = groupByModel(results).flatMap((model) =>
    chooseLoads(model).map((group) => ({ model, group })),
  );
  if (places.length === 0) return undefined;
  const models = new Set(places.map(({ model }) => model.model)).size;
  const open = places.some(({ group }) => group.load.arrival !== "closed");
  const { title, words, openWords } = TITLES[name];
  return {
    id: `${name}-distribution`,
    title: `${title} distribution`,
    caption: `How the ${open ? openWords : words} spreads over requests${places.length > models ? ", at the lightest and the heaviest load" : ""}: a row a variant, the height of a bar is the share of its requests. The triangle marks the mean.`,
    legend: variantLegend(
      results,
      palette,
      places.flatMap(({ group }) => drawn(group)),
    ),
    panels: places.map(({ model, group }): Panel => {
      const place = models > 1 ? `${model.model}, ${describeLoad(group.load)}` : describeLoad(group.load);
      return {
        title: `${title}, ms · ${place}`,
        description: `Histogram of ${title} in milliseconds, a row for each of ${drawn(group).length} variants. Mean, lowest, highest and percentiles are in the table.`,
        spec: ridgePanel(results, palette, drawn(group), name),
      };
    }),
    table: distributionTable(results, name, places),
  };
}

/** The lightest and the heaviest of the loads at which most variants have a distribution. */
function chooseLoads(model: ModelGroup): readonly LoadGroup[] {
  const groups = model.blocks.flatMap((block) => block.loads);
  const most = Math.max(0, ...groups.map((group) => drawn(group).length));
  const weight = ({ load }: LoadGroup) => load.concurrency ?? load.ratePerSecond ?? 0;
  const sorted = groups
    .filter((group) => most > 0 && drawn(group).length === most)
    .sort((a, b) => weight(a) - weight(b));
  const heaviest = sorted.at(-1);
  if (heaviest === undefined) return [];
  // The lightest of the same block differs in load alone.
  const lightest = sorted.find((group) => group.block === heaviest.block && weight(group) < weight(heaviest));
  return lightest === undefined ? [heaviest] : [lightest, heaviest];
}

function drawn(group: LoadGroup): readonly Entry[] {
  return group.entries.filter((entry) => isComparable(entry) && entry.point.distributions !== undefined);
}

interface Bar {
  readonly s: number;
  readonly from: number;
  readonly to: number;
  readonly foot: number;
  readonly top: number;
}

const ROW_HEIGHT = 46;
/** Where in its row a histogram stands; the mark of the mean is below. */
const FOOT = 0.86;

function ridgePanel(
  results: Results,
  palette: Palette,
  entries: readonly Entry[],
  name: Distributed,
): TopLevelSpec {
  const variants = variantNames(results);
  const indices = entries.map((entry) => variants.indexOf(variantName(results, entry.cell)));
  const bars = entries.flatMap((entry, row) =>
    barsOf(entry.point.distributions?.[name], row, indices[row] ?? 0),
  );
  const means = entries.flatMap((entry, row) => {
    const mean = latencyOf(entry.point, name)?.mean;
    return mean === null || mean === undefined ? [] : [{ x: mean, foot: row + FOOT + 0.06 }];
  });
  const logX = needsLogScale(bars);
  const rows = entries.map((_, row) => row);
  const names = entries.map((entry) => shorten(variantName(results, entry.cell), 18));
  const color = {
    field: "s",
    type: "nominal",
    scale: { domain: indices, range: indices.map((index) => seriesStyle(palette, index).color) },
    legend: null,
  } as const;
  const ends: number[] = [
    Math.min(...bars.map((bar) => bar.from)) / 1.15,
    Math.max(...bars.map((bar) => bar.to)) * 1.15,
  ];
  const scale = logX
    ? ({ type: "log", domain: ends, nice: false } as const)
    : ({ zero: false, nice: true, padding: 6 } as const);
  const x = { type: "quantitative", title: "ms", scale, axis: { tickCount: 5, format: ",~r" } } as const;
  const span: number[] = [0, rows.length];
  const y = {
    type: "quantitative",
    title: null,
    scale: { domain: span, reverse: true, nice: false },
    axis: {
      values: rows.map((row) => row + 0.7),
      labelExpr: labelsByPosition(
        rows.map((row) => row + 0.7),
        names,
      ),
      grid: false,
    },
  } as const;
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: PANEL_WIDTH,
    height: rows.length * ROW_HEIGHT + 44,
    autosize: { type: "fit", contains: "padding" },
    config: panelConfig(palette),
    layer: [
      {
        data: { values: rows.map((row) => ({ foot: row + FOOT })) },
        mark: { type: "rule", strokeWidth: 1, color: palette.grid },
        encoding: { y: { ...y, field: "foot" } },
      },
      {
        data: { values: bars },
        mark: { type: "rect", opacity: 0.85, strokeWidth: 0.8 },
        encoding: {
          x: { ...x, field: "from" },
          x2: { field: "to" },
          y: { ...y, field: "foot" },
          y2: { field: "top" },
          color,
          stroke: color,
        },
      },
      {
        data: { values: means },
        mark: { type: "point", shape: "triangle-up", filled: true, size: 34, opacity: 1, color: palette.ink },
        encoding: { x: { ...x, field: "x" }, y: { ...y, field: "foot" } },
      },
    ],
  };
}

/** Bars whose area is the share of requests, as tall as the row at the densest. */
function barsOf(histogram: Histogram | undefined, row: number, index: number): readonly Bar[] {
  if (histogram === undefined) return [];
  const { edgesMs, counts } = histogram;
  const bins = counts.map((bin, i) => {
    const from = edgesMs[i] ?? 0;
    const to = edgesMs[i + 1] ?? from;
    return { from, to, density: to > from ? bin / (to - from) : bin };
  });
  const densest = Math.max(...bins.map((bin) => bin.density));
  const foot = row + FOOT;
  return bins
    .filter((bin) => bin.density > 0)
    .map(({ from, to, density }) => ({ s: index, from, to, foot, top: foot - (0.8 * density) / densest }));
}

function needsLogScale(bars: readonly Bar[]): boolean {
  const least = Math.min(...bars.map((bar) => bar.from));
  return bars.length > 0 && least > 0 && Math.max(...bars.map((bar) => bar.to)) / least > 30;
}

interface Place {
  readonly model: ModelGroup;
  readonly group: LoadGroup;
}

function distributionTable(results: Results, name: Distributed, places: readonly Place[]): Table {
  return {
    caption: `${TITLES[name].title} in milliseconds`,
    columns: [textColumn("Variant"), ...LATENCY_COLUMNS],
    groups: places.map(({ model, group }) => ({
      title: `${model.model}, ${describeLoad(group.load)}`,
      rows: drawn(group).map((entry) => [
        text(variantName(results, entry.cell)),
        ...latencyCells(latencyOf(entry.point, name)),
      ]),
    })),
  };
}
