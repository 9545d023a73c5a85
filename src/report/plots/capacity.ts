import type { TopLevelSpec } from "vega-lite";
import type { CapacityResult } from "../../results/schema/capacity.ts";
import { capacities, formatLoad, unitOf } from "../capacity.ts";
import { formatNumber } from "../describe.ts";
import { cellName, variantName, variantNames } from "../groups.ts";
import { numericColumn, text, textColumn } from "../table.ts";
import type { Palette } from "./palette.ts";
import { seriesStyle } from "./palette.ts";
import type { Panel, PlotMaker } from "./plot.ts";
import { PANEL_WIDTH, panelConfig } from "./svg.ts";

const HEIGHT = 250;
const STEPS = 60;

/** The share of good requests over the load: each probe, the curve through those near the target, the interval. */
export const shareByLoad: PlotMaker = (results, palette) => {
  const drawn = capacities(results).filter(({ capacity }) => shownProbes(capacity).length > 0);
  if (drawn.length === 0) return undefined;
  const names = variantNames(results);
  return {
    id: "capacity",
    title: "Share of requests within the SLOs, by load",
    caption:
      "A mark is one probe, larger where more requests were judged; the line is the curve through the probes near the target, where one goes through. The dashed line is the share asked for, the pale bar the interval of the capacity.",
    legend: [],
    panels: drawn.map(
      ({ cell, capacity }): Panel => ({
        title: cellName(results, cell),
        description: `${capacity.probes.length} probes; capacity ${formatLoad(capacity, capacity.capacity)} ${unitOf(capacity)}.`,
        spec: panel(capacity, seriesStyle(palette, names.indexOf(variantName(results, cell))).color, palette),
      }),
    ),
    table: {
      caption: "Probes of the searches for the capacity",
      columns: [
        textColumn("Variant"),
        textColumn("Phase"),
        numericColumn("Load"),
        numericColumn("Within the SLOs", "%"),
        numericColumn("Requests judged"),
      ],
      groups: [
        {
          rows: drawn.flatMap(({ cell, capacity }) =>
            capacity.probes.map((probe) => [
              text(cellName(results, cell)),
              text(probe.phase, probe.clientFailed ? "client gave out" : undefined),
              text(formatLoad(capacity, probe.load), probe.phase === "lone" ? "in flight" : unitOf(capacity)),
              text(probe.judged === 0 ? "—" : formatNumber((100 * probe.good) / probe.judged)),
              text(String(probe.judged)),
            ]),
          ),
        },
      ],
    },
  };
};

function panel(capacity: CapacityResult, color: string, palette: Palette): TopLevelSpec {
  const probes = shownProbes(capacity).map(({ load, good, judged }) => ({
    x: load,
    y: (100 * good) / judged,
    n: judged,
  }));
  const loads = probes.map(({ x }) => x);
  const [least, most] = [Math.min(...loads), Math.max(...loads)];
  const curve = Array.from({ length: capacity.curve === null ? 0 : STEPS + 1 }, (_, i) => {
    const x = least * (most / least) ** (i / STEPS);
    return { x, y: 100 * shareOn(capacity, x) };
  });
  const x = {
    field: "x",
    type: "quantitative",
    title: capacity.by === "rate" ? "offered requests per second" : "concurrency: requests in flight",
    scale: { zero: false, nice: false, padding: 12 },
    axis: { tickCount: 6 },
  } as const;
  const y = {
    field: "y",
    type: "quantitative",
    title: null,
    scale: { domainMin: 0, domainMax: 100 },
    axis: { tickCount: 5 },
  } as const;
  // Whole streams, of which there may be one: as wide as they are.
  const beside = capacity.by === "rate" ? 0 : 0.5;
  const interval =
    capacity.interval === null
      ? []
      : [{ x: capacity.interval[0] - beside, x2: capacity.interval[1] + beside }];
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: PANEL_WIDTH,
    height: HEIGHT,
    autosize: { type: "fit", contains: "padding" },
    config: panelConfig(palette),
    layer: [
      {
        data: { values: interval },
        mark: { type: "rect", opacity: 0.25, color },
        encoding: { x, x2: { field: "x2" } },
      },
      {
        data: { values: [{ y: 100 * capacity.target }] },
        mark: { type: "rule", strokeDash: [4, 3], color: palette.muted },
        encoding: { y },
      },
      {
        data: { values: curve },
        mark: { type: "line", strokeWidth: 1.6, color },
        encoding: { x, y },
      },
      {
        data: { values: probes },
        mark: { type: "point", filled: true, opacity: 0.8, color },
        encoding: {
          x,
          y,
          size: { field: "n", type: "quantitative", scale: { range: [14, 70], zero: true }, legend: null },
        },
      },
    ],
  };
}

function shownProbes({ probes }: CapacityResult): CapacityResult["probes"] {
  return probes.filter(({ phase, judged, clientFailed }) => phase !== "lone" && judged > 0 && !clientFailed);
}

function shareOn({ curve }: CapacityResult, load: number): number {
  if (curve === null) return Number.NaN;
  return 1 / (1 + Math.exp(-(curve.intercept + curve.slope * Math.log(load / curve.centre))));
}
