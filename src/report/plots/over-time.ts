import type { TopLevelSpec } from "vega-lite";
import type { ServerLoad } from "../../results/schema/server-load.ts";
import { describeLoad } from "../describe.ts";
import {
  type Entry,
  groupByModel,
  type LoadGroup,
  type ModelGroup,
  variantName,
  variantNames,
} from "../groups.ts";
import { serversOf, tableOf } from "../server-table.ts";
import { variantLegend } from "./legend.ts";
import { type Palette, seriesStyle } from "./palette.ts";
import type { Panel, PlotMaker } from "./plot.ts";
import { PANEL_WIDTH, panelConfig } from "./svg.ts";

type Level = Exclude<keyof ServerLoad["series"], "seconds">;

interface Shown {
  readonly key: Level;
  readonly title: string;
  readonly times: number;
  /** It is of the time before its sample; others hold until the next. */
  readonly before?: true;
}

const LEVELS: readonly Shown[] = [
  { key: "requestsRunning", title: "Running, requests", times: 1 },
  { key: "requestsWaiting", title: "Waiting, requests", times: 1 },
  { key: "cacheUsageShare", title: "KV cache, % used", times: 100 },
  { key: "cpuCores", title: "CPU, cores", times: 1, before: true },
  { key: "memoryBytes", title: "Memory, GiB", times: 2 ** -30 },
];

/** Two samples are a line, and no course of anything. */
const FEWEST = 3;

interface Row {
  readonly s: number;
  readonly x: number;
  readonly y: number;
}

/** What each server had to do while it was measured, at the heaviest load of each model. */
export const serversOverTime: PlotMaker = (results, palette) => {
  const shown = groupByModel(results).flatMap((model) => {
    const group = heaviest(model);
    return group === undefined ? [] : [{ model, group }];
  });
  if (shown.length === 0) return undefined;
  const variants = variantNames(results);
  const several = shown.length > 1;
  return {
    id: "servers-over-time",
    title: "Inside the servers, over time",
    caption: `What each server said of itself, and took of its machine, during its first measurement at the heaviest load: ${shown
      .map(({ model, group }) => `${several ? `${model.model}, ` : ""}${describeLoad(group.load)}`)
      .join("; ")}.`,
    legend: variantLegend(
      results,
      palette,
      shown.flatMap(({ group }) => group.entries.filter((entry) => seriesOf(entry) !== undefined)),
    ),
    panels: shown.flatMap(({ model, group }) =>
      LEVELS.flatMap((level): Panel[] => {
        const rows = group.entries.flatMap((entry) =>
          rowsOf(entry, variants.indexOf(variantName(results, entry.cell)), level),
        );
        if (rows.length === 0) return [];
        return [
          {
            title: `${level.title}${several ? ` · ${model.model}` : ""}`,
            description: `${level.title} against seconds since the first request, one line a variant. Means and largest values are in the table.`,
            spec: timePanel(rows, palette, level),
          },
        ];
      }),
    ),
    table: tableOf(
      results,
      shown.map(({ group }) => group),
      shown.map(({ model }) => model.model).join(" and "),
    ),
  };
};

/** The load with most requests at once, else most a second, of those that have a course to show. */
function heaviest(model: ModelGroup): LoadGroup | undefined {
  return model.blocks
    .flatMap((block) => block.loads)
    .filter((group) => group.entries.some((entry) => seriesOf(entry) !== undefined))
    .toSorted((a, b) => weight(b) - weight(a))[0];
}

function weight({ load }: LoadGroup): number {
  return load.concurrency ?? load.ratePerSecond ?? 0;
}

function seriesOf({ point }: Entry): ServerLoad["series"] | undefined {
  const series = serversOf(point)[0]?.series;
  const told = series !== undefined && LEVELS.some(({ key }) => series[key] !== undefined);
  return told && series.seconds.length >= FEWEST ? series : undefined;
}

function rowsOf(entry: Entry, index: number, { key, times }: Shown): Row[] {
  const series = seriesOf(entry);
  const values = series?.[key] ?? [];
  return values.flatMap((value, i) =>
    value === null ? [] : [{ s: index, x: series?.seconds[i] ?? 0, y: value * times }],
  );
}

/** Steps: what a server said holds until it says otherwise. */
function timePanel(rows: readonly Row[], palette: Palette, { before }: Shown): TopLevelSpec {
  const domain = [...new Set(rows.map(({ s }) => s))].sort((a, b) => a - b);
  const styles = domain.map((index) => seriesStyle(palette, index));
  const legend = null;
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: PANEL_WIDTH,
    height: 150,
    autosize: { type: "fit", contains: "padding" },
    config: panelConfig(palette),
    data: { values: [...rows] },
    mark: { type: "line", interpolate: before === true ? "step-before" : "step-after", strokeWidth: 1.6 },
    encoding: {
      x: {
        field: "x",
        type: "quantitative",
        title: "seconds",
        scale: { nice: false },
        axis: { tickCount: 6 },
      },
      y: { field: "y", type: "quantitative", title: null, scale: { zero: true }, axis: { tickCount: 4 } },
      color: {
        field: "s",
        type: "nominal",
        scale: { domain, range: styles.map(({ color }) => color) },
        legend,
      },
      strokeDash: {
        field: "s",
        type: "nominal",
        scale: { domain, range: styles.map(({ dash }) => [...dash]) },
        legend,
      },
    },
  };
}
