import type { TopLevelSpec } from "vega-lite";
import type { Estimate } from "../estimates.ts";
import { type Palette, seriesStyle } from "./palette.ts";
import { FONT_SIZE, labelsByPosition, PANEL_WIDTH, panelConfig } from "./svg.ts";

interface LinePoint {
  readonly x: number;
  readonly estimate: Estimate;
  readonly suspect: boolean;
  /** Drawn with a ring around it: throughput levels off here. */
  readonly knee?: boolean;
}

export interface LineSeries {
  /** Place of the variant in the run: decides its look. */
  readonly index: number;
  readonly points: readonly LinePoint[];
}

export interface LinePanelOptions {
  readonly series: readonly LineSeries[];
  readonly palette: Palette;
  readonly xTitle: string;
  /** `log`: equal steps for equal factors, as concurrencies and lengths are swept. */
  readonly xScale: "log" | "linear";
  /** Divides the values: 1000 shows milliseconds as seconds. */
  readonly divisor?: number;
}

type Layer = Extract<TopLevelSpec, { layer: unknown }>["layer"][number];

const HEIGHT = 250;
/** From here on a linear axis would press the small values onto its foot. */
const LOG_FROM = 30;
/** How far the outermost of several equal points stand apart, as a share of the axis. */
const ASIDE = 0.024;

/**
 * Lines with a mark a point. A wide faint bar is the value's interval; a thin line runs from the lowest to the
 * highest sample where too few carry an interval. Suspect points are hollow.
 */
export function linePanel(options: LinePanelOptions): TopLevelSpec {
  const { palette, series, xScale } = options;
  const rows = series.flatMap((each) => each.points.map((point) => toRow(options, each, point)));
  const xs = [...new Set(rows.map((row) => row.given))].sort((a, b) => a - b);
  const positions = xs.map((x) => place(x, xScale));
  // Against a linear axis a straight line must stay one.
  const logY = xScale === "log" && needsLogScale(rows);
  const styles = series.map((each) => seriesStyle(palette, each.index));
  const domain = series.map((each) => each.index);
  const color = {
    field: "s",
    type: "nominal",
    scale: { domain, range: styles.map((style) => style.color) },
    legend: null,
  } as const;
  const x = {
    field: "x",
    type: "quantitative",
    title: options.xTitle,
    scale: { zero: xScale === "linear", nice: false, padding: 14 },
    axis: {
      values: readable(positions, xScale),
      labelExpr: labelsByPosition(positions, xs.map(String)),
      labelFlush: false,
    },
  } as const;
  const quantity = { type: "quantitative", title: null } as const;
  const yScale = logY
    ? ({
        scale: { type: "log", domain: logDomain(rows), nice: false },
        axis: { values: logTicks(rows), format: ",~r" },
      } as const)
    : ({ scale: { zero: true, nice: true }, axis: { tickCount: 5, format: ",~r" } } as const);
  const y = { field: "y", ...quantity, ...yScale } as const;
  const bar = (spread: "interval" | "range", width: number, opacity: number): Layer => ({
    transform: [{ filter: `datum.spread === '${spread}'` }],
    mark: { type: "rule", strokeWidth: width, opacity },
    encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" }, color },
  });
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: PANEL_WIDTH,
    height: HEIGHT,
    autosize: { type: "fit", contains: "padding" },
    config: panelConfig(palette),
    data: { values: rows },
    layer: [
      bar("interval", 6, 0.35),
      bar("range", 1.2, 0.9),
      {
        mark: { type: "line", strokeWidth: 2, strokeJoin: "round" },
        encoding: {
          x,
          y,
          color,
          detail: { field: "s" },
          strokeDash: {
            field: "s",
            type: "nominal",
            scale: { domain, range: styles.map((style) => [...style.dash]) },
            legend: null,
          },
        },
      },
      {
        transform: [{ filter: "datum.knee" }],
        mark: { type: "point", shape: "circle", size: 260, strokeWidth: 1.2, filled: false },
        encoding: { x, y, color },
      },
      {
        mark: { type: "point", size: 62, strokeWidth: 1.6, opacity: 1 },
        encoding: {
          x,
          y,
          color,
          fill: { condition: { test: "datum.suspect", value: palette.surface }, ...color },
          shape: {
            field: "s",
            type: "nominal",
            scale: { domain, range: styles.map((style) => style.shape) },
            legend: null,
          },
        },
      },
    ],
  };
}

interface Row {
  readonly s: number;
  /** Where it stands on the axis, moved aside a little so that equal values do not hide each other. */
  readonly x: number;
  readonly given: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
  readonly spread: Estimate["spread"];
  readonly suspect: boolean;
  readonly knee: boolean;
}

function toRow(options: LinePanelOptions, series: LineSeries, point: LinePoint): Row {
  const { estimate } = point;
  const divisor = options.divisor ?? 1;
  const n = options.series.length;
  const order = options.series.indexOf(series) - (n - 1) / 2;
  const aside = options.xScale === "log" ? (order * ASIDE * spanOf(options)) / Math.max(1, n - 1) : 0;
  return {
    s: series.index,
    x: place(point.x, options.xScale) + aside,
    given: point.x,
    y: estimate.value / divisor,
    low: (estimate.low ?? estimate.value) / divisor,
    high: (estimate.high ?? estimate.value) / divisor,
    spread: estimate.spread,
    suspect: point.suspect,
    knee: point.knee ?? false,
  };
}

/** Width of the axis in its own units. */
function spanOf({ series, xScale }: LinePanelOptions): number {
  const xs = series.flatMap((each) => each.points.map((point) => place(point.x, xScale)));
  return Math.max(...xs) - Math.min(...xs);
}

function place(x: number, scale: "log" | "linear"): number {
  return scale === "log" ? Math.log2(x) : x;
}

/** The positions whose labels have room: on a linear axis small lengths crowd together. */
function readable(positions: readonly number[], scale: "log" | "linear"): number[] {
  if (scale === "log") return [...positions];
  const span = Math.max(...positions);
  const room = (FONT_SIZE * 3 * span) / PANEL_WIDTH;
  const kept: number[] = [];
  for (const position of positions.toReversed()) {
    if (kept.every((other) => other - position >= room)) kept.push(position);
  }
  return kept.reverse();
}

function needsLogScale(rows: readonly Row[]): boolean {
  const values = rows.map((row) => row.y);
  const least = Math.min(...values, ...rows.map((row) => row.low));
  return values.length > 0 && least > 0 && Math.max(...values) / Math.min(...values) > LOG_FROM;
}

function logDomain(rows: readonly Row[]): number[] {
  const ends = rows.flatMap((row) => [row.low, row.high]);
  return [Math.min(...ends) / 1.4, Math.max(...ends) * 1.25];
}

/** One, or one and three, of each decade inside the domain. */
function logTicks(rows: readonly Row[]): number[] {
  const [low = 1, high = 1] = logDomain(rows);
  const from = Math.floor(Math.log10(low));
  const decades = Array.from({ length: Math.ceil(Math.log10(high)) - from + 1 }, (_, i) => 10 ** (from + i));
  const steps = high / low > 1000 ? [1] : [1, 3];
  return decades
    .flatMap((decade) => steps.map((step) => step * decade))
    .filter((tick) => tick >= low && tick <= high);
}
