import type { Results } from "../../results/schema/results.ts";
import { estimateCell } from "../estimate-cells.ts";
import {
  commonThroughput,
  type Estimate,
  type LatencyName,
  latencyMean,
  THROUGHPUT_WORDS,
  type ThroughputKind,
  throughputOf,
} from "../estimates.ts";
import { type Entry, gather, variantName, variantNames } from "../groups.ts";
import { findKnee } from "../knee.ts";
import { numericColumn, type Table, type TableCell, text, textColumn } from "../table.ts";
import { variantLegend } from "./legend.ts";
import { type LineSeries, linePanel } from "./line-panel.ts";
import type { Palette } from "./palette.ts";
import type { Panel, Plot, PlotMaker } from "./plot.ts";
import { AXIS_TITLES, type Axis, axisValue, findSweeps, type Sweep } from "./sweeps.ts";

interface Measure {
  readonly title: string;
  readonly unit: string;
  readonly divisor?: number;
  readonly of: (entry: Entry) => Estimate | null;
}

function throughputMeasure(kind: ThroughputKind): Measure {
  return {
    title: `Throughput${kind === "window" ? "" : ", full run"}`,
    unit: "tokens/s",
    of: (entry) => throughputOf(entry.point, kind),
  };
}

function latencyMeasure(name: LatencyName, open: boolean): Measure {
  const user = open ? "User " : "";
  if (name === "e2e")
    return {
      title: `${user}E2E latency, mean`,
      unit: "s",
      divisor: 1000,
      of: (entry) => latencyMean(entry.point, "e2e"),
    };
  const title = name === "ttft" ? `${user}TTFT, mean` : "TPOT, mean";
  return { title, unit: "ms", of: (entry) => latencyMean(entry.point, name) };
}

export const throughputByOutputLength: PlotMaker = (results, palette) => {
  const sweeps = findSweeps(results, "output");
  if (sweeps.length === 0) return undefined;
  const kind = commonThroughput(sweeps.flatMap((sweep) => sweep.entries.map((entry) => entry.point)));
  return makePlot(results, palette, {
    id: "throughput-by-output-length",
    title: "Throughput by output length",
    caption: `Mean ${THROUGHPUT_WORDS[kind]}, higher is better. A flat line says that each token costs the same however long the answer.`,
    axis: "output",
    xScale: "log",
    sweeps,
    measures: () => [throughputMeasure(kind)],
  });
};

export const latencyByOutputLength: PlotMaker = (results, palette) => {
  const sweeps = findSweeps(results, "output");
  if (sweeps.length === 0) return undefined;
  return makePlot(results, palette, {
    id: "latency-by-output-length",
    title: "Latency against output tokens",
    caption:
      "Mean end-to-end latency, lower is better. The slope is the time per output token, the height at the left mostly the time to the first.",
    axis: "output",
    xScale: "linear",
    sweeps,
    measures: (sweep) => [latencyMeasure("e2e", isOpen(sweep))],
  });
};

export const byConcurrency: PlotMaker = (results, palette) => byLoad(results, palette, "concurrency");

export const byRate: PlotMaker = (results, palette) => byLoad(results, palette, "rate");

function byLoad(results: Results, palette: Palette, axis: "concurrency" | "rate"): Plot | undefined {
  const sweeps = findSweeps(results, axis);
  if (sweeps.length === 0) return undefined;
  const kind = commonThroughput(sweeps.flatMap((sweep) => sweep.entries.map((entry) => entry.point)));
  const words = axis === "concurrency" ? "concurrency" : "the offered rate";
  return makePlot(results, palette, {
    id: axis === "concurrency" ? "by-concurrency" : "by-rate",
    title: `Throughput and latency against ${words}`,
    caption:
      axis === "concurrency"
        ? "A ring marks the knee: from there the next step adds less than 5 % throughput, and further requests only wait."
        : "Latencies count from the scheduled time, so waiting in front of a full server is part of them.",
    axis,
    xScale: "log",
    sweeps,
    measures: (sweep) => [
      throughputMeasure(kind),
      latencyMeasure("ttft", isOpen(sweep)),
      latencyMeasure("tpot", false),
      latencyMeasure("e2e", isOpen(sweep)),
    ],
  });
}

function isOpen(sweep: Sweep): boolean {
  return sweep.entries.some((entry) => entry.point.load.arrival !== "closed");
}

interface PlotShape {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  readonly axis: Axis;
  readonly xScale: "log" | "linear";
  readonly sweeps: readonly Sweep[];
  readonly measures: (sweep: Sweep) => readonly Measure[];
}

function makePlot(results: Results, palette: Palette, shape: PlotShape): Plot {
  return {
    id: shape.id,
    title: shape.title,
    caption: shape.caption,
    legend: variantLegend(
      results,
      palette,
      shape.sweeps.flatMap((sweep) => sweep.entries),
    ),
    panels: shape.sweeps.flatMap((sweep) =>
      shape.measures(sweep).map((measure) => makePanel(results, palette, shape, sweep, measure)),
    ),
    table: makeTable(results, shape),
  };
}

function makePanel(
  results: Results,
  palette: Palette,
  shape: PlotShape,
  sweep: Sweep,
  measure: Measure,
): Panel {
  const variants = variantNames(results);
  const series = gather(sweep.entries, (entry) => variantName(results, entry.cell)).map(
    ([name, entries]): LineSeries => {
      const knee =
        shape.axis === "concurrency" && measure.unit === "tokens/s"
          ? findKnee(entries, measure.of)
          : undefined;
      return {
        index: variants.indexOf(name),
        points: entries.flatMap((entry) => {
          const estimate = measure.of(entry);
          const x = axisValue(entry.point.load, shape.axis);
          if (estimate === null || x === undefined) return [];
          return [{ x, estimate, suspect: entry.point.verdict.status === "suspect", knee: knee === x }];
        }),
      };
    },
  );
  const { xScale } = shape;
  const options = { series, palette, xScale, xTitle: AXIS_TITLES[shape.axis] };
  const place = describeSweep(results, shape, sweep);
  return {
    title: `${measure.title}, ${measure.unit}${place === "" ? "" : ` · ${place}`}`,
    description: `${measure.title} in ${measure.unit} against ${AXIS_TITLES[shape.axis]}, one line for each of ${series.length} variants. The figures are in the table.`,
    spec: linePanel(measure.divisor === undefined ? options : { ...options, divisor: measure.divisor }),
  };
}

/** What tells this sweep from the others of the plot. */
function describeSweep(results: Results, shape: PlotShape, sweep: Sweep): string {
  const models = new Set(results.cells.map((cell) => cell.model.id)).size > 1;
  const others = shape.sweeps.filter((other) => other.model === sweep.model);
  const parts = models ? [sweep.model] : [];
  if (new Set(others.map((other) => other.block)).size > 1) parts.push(sweep.block);
  if (new Set(others.map((other) => other.fixed)).size > 1) parts.push(sweep.fixed);
  return parts.join(", ");
}

function makeTable(results: Results, shape: PlotShape): Table {
  const measures = shape.measures(shape.sweeps[0] as Sweep);
  const [only] = measures;
  return measures.length === 1 && only !== undefined
    ? pivotTable(results, shape, only)
    : longTable(results, shape, measures);
}

const AXIS_COLUMNS: Readonly<Record<Axis, string>> = {
  output: "Output tokens",
  concurrency: "Concurrency",
  rate: "Requests/s",
};

/** One measure: a column a variant. */
function pivotTable(results: Results, shape: PlotShape, measure: Measure): Table {
  const names = [
    ...new Set(
      shape.sweeps.flatMap((sweep) => sweep.entries.map((entry) => variantName(results, entry.cell))),
    ),
  ];
  return {
    caption: `${measure.title}, ${measure.unit}`,
    columns: [
      textColumn(AXIS_COLUMNS[shape.axis]),
      ...names.map((name) => numericColumn(name, measure.unit)),
    ],
    groups: shape.sweeps.map((sweep) => ({
      title: titleOf(sweep),
      rows: gather(sweep.entries, (entry) => String(axisValue(entry.point.load, shape.axis))).map(
        ([x, entries]) => [
          text(x),
          ...names.map((name) => {
            const entry = entries.find((each) => variantName(results, each.cell) === name);
            return estimateCell(entry === undefined ? null : measure.of(entry), measure.divisor);
          }),
        ],
      ),
    })),
  };
}

/** Several measures: a row for each variant and step. */
function longTable(results: Results, shape: PlotShape, measures: readonly Measure[]): Table {
  const hasKnees = shape.axis === "concurrency";
  return {
    caption: shape.title,
    columns: [
      textColumn("Variant"),
      numericColumn(AXIS_COLUMNS[shape.axis]),
      ...measures.map((measure) => numericColumn(measure.title, measure.unit)),
      ...(hasKnees ? [textColumn("Levels off")] : []),
    ],
    groups: shape.sweeps.map((sweep) => ({
      title: titleOf(sweep),
      rows: gather(sweep.entries, (entry) => variantName(results, entry.cell)).flatMap(([name, entries]) => {
        const own = shape.measures(sweep);
        const knee = own[0] === undefined ? undefined : findKnee(entries, own[0].of);
        return entries.map((entry): readonly TableCell[] => {
          const x = axisValue(entry.point.load, shape.axis);
          return [
            text(name),
            text(String(x ?? "")),
            ...own.map((measure) => estimateCell(measure.of(entry), measure.divisor)),
            ...(hasKnees ? [text(knee === x ? "here" : "")] : []),
          ];
        });
      }),
    })),
  };
}

function titleOf(sweep: Sweep): string {
  return [sweep.model, sweep.block, sweep.fixed].filter((part) => part !== "").join(", ");
}
