import type { TopLevelSpec } from "vega-lite";
import { shorten } from "../../display-width.ts";
import type { CellResult } from "../../results/schema/results.ts";
import type { Startup } from "../../results/schema/server.ts";
import { formatNumber, NONE } from "../describe.ts";
import { cellName } from "../groups.ts";
import { numericColumn, type TableCell, text, textColumn } from "../table.ts";
import type { Palette } from "./palette.ts";
import type { Plot, PlotMaker } from "./plot.ts";
import { labelsByPosition, PANEL_WIDTH, panelConfig } from "./svg.ts";

/** What the server did until each stamp, in the order of a start. */
const PHASES: readonly (readonly [keyof Startup, string])[] = [
  ["scheduledMs", "waiting for a node"],
  ["pulledMs", "pulling the image"],
  ["startedMs", "starting the process"],
  ["portOpenMs", "until its port is open"],
  ["readyMs", "until it says ready"],
  ["firstCompletionMs", "first completion"],
];

export interface Phase {
  /** Place in PHASES. */
  readonly phase: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The phases that a start has, one after the other; a phase that does not exist here adds nothing. */
export function startupPhases(startup: Startup): readonly Phase[] {
  let fromMs = 0;
  return PHASES.flatMap(([key], phase) => {
    const stamp = startup[key];
    if (stamp === null) return [];
    const toMs = Math.max(stamp, fromMs);
    const part = { phase, fromMs, toMs };
    fromMs = toMs;
    return [part];
  });
}

export const startupByPhase: PlotMaker = (results, palette) => {
  const started = results.cells.flatMap((cell) => {
    const phases = cell.startup === null ? [] : startupPhases(cell.startup);
    return phases.length === 0 ? [] : [{ cell, phases }];
  });
  if (started.length === 0) return undefined;
  const used = [...new Set(started.flatMap(({ phases }) => phases.map((each) => each.phase)))].sort(
    (a, b) => a - b,
  );
  const square = "M-1,-1H1V1H-1Z";
  const names = started.map(({ cell }) => cellName(results, cell));
  return {
    id: "startup",
    title: "Start-up by phase",
    caption:
      "Seconds from the start of the deployment until the first completion came back; shorter is better. Some engines load the model before they open their port (vLLM), some after (llama.cpp). Once a cell, so without an interval.",
    legend: used.map((phase) => ({
      name: PHASES[phase]?.[1] ?? "",
      color: palette.phases[phase] ?? palette.ink,
      shape: square,
    })),
    panels: [
      {
        title: "Time to the first completion, s",
        description: `Stacked bars, one for each of ${started.length} cells. The figures are in the table.`,
        spec: startupPanel(palette, started, names),
      },
    ],
    table: {
      caption: "Start-up in seconds",
      columns: [
        textColumn("Cell"),
        ...used.map((phase) => numericColumn(PHASES[phase]?.[1] ?? "")),
        numericColumn("total"),
      ],
      groups: [
        {
          rows: started.map(({ phases }, i): readonly TableCell[] => [
            text(names[i] ?? ""),
            ...used.map((phase) => {
              const part = phases.find((each) => each.phase === phase);
              return text(part === undefined ? NONE : formatNumber((part.toMs - part.fromMs) / 1000));
            }),
            text(formatNumber((phases.at(-1)?.toMs ?? 0) / 1000)),
          ]),
        },
      ],
    },
  } satisfies Plot;
};

function startupPanel(
  palette: Palette,
  started: readonly { readonly cell: CellResult; readonly phases: readonly Phase[] }[],
  names: readonly string[],
): TopLevelSpec {
  const rows = started.map((_, i) => i);
  const bars = started.flatMap(({ phases }, row) =>
    phases.map((part) => ({ row, phase: part.phase, from: part.fromMs / 1000, to: part.toMs / 1000 })),
  );
  const totals = started.map(({ phases }, row) => {
    const total = (phases.at(-1)?.toMs ?? 0) / 1000;
    return { row, to: total, label: `${formatNumber(total)} s` };
  });
  const x = {
    type: "quantitative",
    title: "seconds",
    scale: { zero: true, nice: false, domainMax: 1.28 * Math.max(...totals.map((total) => total.to)) },
    axis: { grid: true, tickCount: 5, format: ",~r" },
  } as const;
  const y = {
    field: "row",
    type: "ordinal",
    title: null,
    scale: { domain: rows, paddingInner: 0.35, paddingOuter: 0.2 },
    axis: {
      labelExpr: labelsByPosition(
        rows,
        names.map((name) => shorten(name, 26)),
      ),
      domain: false,
    },
  } as const;
  const phases = palette.phases.map((_, i) => i);
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: PANEL_WIDTH,
    height: rows.length * 30 + 48,
    autosize: { type: "fit", contains: "padding" },
    config: panelConfig(palette),
    layer: [
      {
        data: { values: bars },
        mark: { type: "bar", stroke: palette.surface, strokeWidth: 1 },
        encoding: {
          x: { ...x, field: "from" },
          x2: { field: "to" },
          y,
          color: {
            field: "phase",
            type: "nominal",
            scale: { domain: phases, range: [...palette.phases] },
            legend: null,
          },
        },
      },
      {
        data: { values: totals },
        mark: { type: "text", align: "left", dx: 5, color: palette.ink },
        encoding: { x: { ...x, field: "to" }, y, text: { field: "label", type: "nominal" } },
      },
    ],
  };
}
