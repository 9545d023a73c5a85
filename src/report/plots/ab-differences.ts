import type { TopLevelSpec } from "vega-lite";
import { shorten } from "../../display-width.ts";
import { intervalWords, pointName, shareWords, signedShare } from "../../results/ab/words.ts";
import type { AbComparison } from "../../results/schema/ab.ts";
import { count, formatNumber } from "../describe.ts";
import { gather } from "../groups.ts";
import { type Table, text, textColumn } from "../table.ts";
import { type Palette, seriesStyle } from "./palette.ts";
import type { Panel, Plot, PlotMaker } from "./plot.ts";
import { PANEL_WIDTH, panelConfig, rowAxes } from "./svg.ts";

/** Of `llmbench ab`: every pair's difference, their mean and its interval, and what was found. */
export const abDifferences: PlotMaker = ({ ab, cells }, palette) => {
  if (ab === undefined || ab.comparisons.length === 0) return undefined;
  const nameOf = (id: string) => cells.find((cell) => cell.id === id)?.variant ?? id;
  const names = { a: nameOf(ab.a), b: nameOf(ab.b) };
  const { orders, comparisons } = ab;
  return {
    id: "ab",
    title: "Is the difference real?",
    caption: `${names.b} against ${names.a}, ${count(orders.length, "pair")} of blocks in the order ${orders.join(" ")}. Small marks are pairs, the large one their mean, the bar its 95 % interval; left of 0 is less. A finding is what is left after Holm's correction over ${count(comparisons.length, "comparison")}; for each that is none stands what would have been seen in four of five such runs.`,
    legend: [],
    panels: (["ratio", "share"] as const).flatMap((scale) =>
      panelOf(
        comparisons.filter((each) => each.scale === scale),
        names,
        palette,
      ),
    ),
    table: tableOf(comparisons, names),
  } satisfies Plot;
};

type Names = Readonly<Record<"a" | "b", string>>;

function panelOf(rows: readonly AbComparison[], { a, b }: Names, palette: Palette): Panel[] {
  const [first] = rows;
  if (first === undefined) return [];
  const unit = first.scale === "ratio" ? "%" : "points";
  return [
    {
      title: `${b} against ${a}, ${unit}`,
      description: `A row for each comparison: the difference of every pair, their mean and its interval. The figures are in the table.`,
      spec: panelSpec(rows, palette),
    },
  ];
}

function panelSpec(rows: readonly AbComparison[], palette: Palette): TopLevelSpec {
  const severalPoints = new Set(rows.map(pointName)).size > 1;
  const labels = rows.map((row) =>
    shorten(severalPoints ? `${row.title}, ${pointName(row)}` : row.title, 26),
  );
  const means = rows.map((row, i) => ({
    y: i + 0.5,
    value: 100 * row.difference,
    low: 100 * row.interval[0],
    high: 100 * row.interval[1],
    found: row.finding !== "no-difference-shown",
  }));
  const pairs = rows.flatMap((row, i) =>
    row.differences.map(({ pair, difference }) => ({
      y: i + 0.28 + (0.44 * pair) / (row.differences.length + 1),
      value: 100 * difference,
    })),
  );
  const all = [...pairs.map(({ value }) => value), ...means.flatMap(({ low, high }) => [low, high])];
  const { x, y } = rowAxes(labels, [Math.min(-1, ...all), Math.max(1, ...all)]);
  const { color } = seriesStyle(palette, 0);
  const byFinding = { condition: { test: "datum.found", value: color }, value: palette.muted };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: PANEL_WIDTH,
    height: 40 + rows.length * 26,
    autosize: { type: "fit", contains: "padding" },
    config: panelConfig(palette),
    data: { values: means },
    layer: [
      {
        data: { values: [{ none: 0 }] },
        mark: { type: "rule", strokeWidth: 1.4, color: palette.muted },
        encoding: { x: { ...x, field: "none" } },
      },
      {
        mark: { type: "rule", strokeWidth: 6, opacity: 0.3 },
        encoding: { x: { ...x, field: "low" }, x2: { field: "high" }, y, color: byFinding },
      },
      {
        data: { values: pairs },
        mark: { type: "point", filled: true, size: 9, opacity: 0.75, color: palette.ink },
        encoding: { x: { ...x, field: "value" }, y },
      },
      {
        mark: { type: "point", filled: true, size: 60, shape: "diamond" },
        encoding: { x: { ...x, field: "value" }, y, color: byFinding },
      },
    ],
  };
}

/** What was found, a row a comparison; a group a point where there are several. */
function tableOf(comparisons: readonly AbComparison[], { a, b }: Names): Table {
  const points = gather(comparisons, pointName);
  return {
    caption: `${b} against ${a}`,
    columns: [textColumn(`Metric, ${a} → ${b}`), textColumn("Difference"), textColumn("Finding")],
    groups: points.map(([point, rows]) => ({
      ...(points.length > 1 ? { title: point } : {}),
      rows: rows.map((row) => [
        text(
          row.title,
          `${formatValue(row.a, row.unit)} → ${formatValue(row.b, row.unit)}${suffixOf(row.unit)}`,
        ),
        text(signedShare(row), `[${intervalWords(row)}]`),
        row.finding === "no-difference-shown"
          ? text("no difference shown", `${shareWords(row, row.smallestSeen)} would have been seen`)
          : text(row.finding),
      ]),
    })),
  };
}

function formatValue(value: number, unit: AbComparison["unit"]): string {
  return formatNumber(unit === "share" ? 100 * value : value);
}

const suffixOf = (unit: AbComparison["unit"]) => ({ ms: " ms", "1/s": "/s", share: " %" })[unit];
