import { lastMeasured } from "../results/deployments.ts";
import type { LatencySummary } from "../results/schema/metrics.ts";
import type { CellResult, Results } from "../results/schema/results.ts";
import { capitalize, formatNumber, joinWords, NONE, VERDICT_WORDS } from "./describe.ts";
import { estimateCell, LATENCY_COLUMNS, latencyCells } from "./estimate-cells.ts";
import { commonThroughput, latencyMean, latencyOf, THROUGHPUT_WORDS, throughputOf } from "./estimates.ts";
import { type Entry, type ModelGroup, variantName } from "./groups.ts";
import { numericColumn, type Table, type TableCell, text, textColumn } from "./table.ts";
import { titleOf } from "./titles.ts";
import { countVerdicts, describeCounts } from "./verdicts.ts";

/** The main table of one model: every load, every variant, the means with what they are worth. */
export function resultsTable(results: Results, model: ModelGroup): Table {
  const groups = model.blocks.flatMap((block) => block.loads);
  const entries = groups.flatMap((group) => group.entries);
  const kind = commonThroughput(entries.map((entry) => entry.point));
  const open = entries.some((entry) => entry.point.load.arrival !== "closed");
  const hasSlo = results.slos !== undefined;
  const full = kind === "window" ? [] : [", full run"];
  return {
    caption: `${capitalize(THROUGHPUT_WORDS[kind])} and mean latencies${open ? ", counted from the scheduled time where requests arrive at a rate" : ""}`,
    columns: [
      textColumn("Variant"),
      numericColumn(`Throughput${full.join("")}`, "tokens/s"),
      numericColumn("TTFT", "ms"),
      numericColumn("TPOT", "ms"),
      numericColumn("E2E", "ms"),
      numericColumn("Per user", "tokens/s"),
      ...(hasSlo ? [numericColumn("In SLO", "% of requests")] : []),
      numericColumn("Requests", "ok / planned"),
      textColumn("Verdict"),
    ],
    groups: groups.map((group) => ({
      title: titleOf(model, group),
      rows: group.entries.map(({ cell, point }): readonly TableCell[] => {
        const goodput = point.metrics?.goodput;
        return [
          text(variantName(results, cell)),
          estimateCell(throughputOf(point, kind)),
          estimateCell(latencyMean(point, "ttft")),
          estimateCell(latencyMean(point, "tpot")),
          estimateCell(latencyMean(point, "e2e")),
          text(formatNumber(point.metrics?.outputTokensPerSecondPerUser)),
          ...(hasSlo ? [goodputCell(goodput)] : []),
          text(
            point.requests.ok === point.requests.planned
              ? String(point.requests.ok)
              : `${point.requests.ok} / ${point.requests.planned}`,
          ),
          verdictCell({ cell, point }),
        ];
      }),
    })),
  };
}

function goodputCell(goodput: NonNullable<Entry["point"]["metrics"]>["goodput"]): TableCell {
  if (goodput === undefined) return text(NONE);
  const percent = (share: number) => formatNumber(share * 100).replace(/\.0+$/, "");
  if (goodput.interval === null) return text(percent(goodput.share));
  const [low, high] = goodput.interval;
  return text(percent(goodput.share), `[${percent(low)}–${percent(high)}]`);
}

function verdictCell({ point }: Entry): TableCell {
  const { status, reasons } = point.verdict;
  const codes = [...new Set(reasons.map((reason) => reason.code))].join(", ");
  return { ...text(VERDICT_WORDS[status], codes), tone: status };
}

/** Every percentile that the samples carry, of one model. */
export function percentileTable(results: Results, model: ModelGroup): Table {
  const names = { ttft: "TTFT", tpot: "TPOT", e2e: "E2E" } as const;
  const row = ({ cell }: Entry, name: string, latency: LatencySummary | null): readonly TableCell[] => [
    text(variantName(results, cell)),
    text(name),
    ...latencyCells(latency),
  ];
  return {
    caption: `Latencies of ${model.model} in milliseconds; ± is the client's own error`,
    columns: [textColumn("Variant"), textColumn("Latency"), ...LATENCY_COLUMNS],
    groups: model.blocks
      .flatMap((block) => block.loads)
      .map((group) => ({
        title: titleOf(model, group),
        rows: group.entries
          .filter((entry) => entry.point.metrics !== null)
          .flatMap((entry) => [
            ...(["ttft", "tpot", "e2e"] as const).map((name) =>
              row(entry, names[name], latencyOf(entry.point, name)),
            ),
            row(entry, "Between chunks", entry.point.metrics?.interChunkMs ?? null),
          ]),
      }))
      .filter((group) => group.rows.length > 0),
  };
}

/** The cells: what served what, and how far each got. */
export function cellsTable(results: Results): Table {
  const several = new Set(results.cells.map((cell) => cell.hardware)).size > 1;
  const onNodes = results.cells.some((cell) => nodesOf(cell) !== "");
  return {
    caption: "Variants and models",
    columns: [
      textColumn("Variant"),
      textColumn("Engine and version"),
      textColumn("Model"),
      textColumn("Weights"),
      ...(several ? [textColumn("Hardware")] : []),
      ...(onNodes ? [textColumn("Node")] : []),
      numericColumn("First completion", "s after start"),
      textColumn("Ended"),
      textColumn("Verdicts"),
    ],
    groups: [
      {
        rows: results.cells.map((cell): readonly TableCell[] => {
          const first = cell.startup?.firstCompletionMs;
          return [
            text(cell.variant),
            text(
              `${cell.engine} ${cell.engineVersion === "unknown" ? "(version unknown)" : cell.engineVersion}`,
              describeCheckout(cell),
            ),
            text(cell.model.id),
            text(cell.model.precision ?? "unknown"),
            ...(several ? [text(cell.hardware)] : []),
            ...(onNodes ? [text(nodesOf(cell) || NONE)] : []),
            text(formatNumber(first === null || first === undefined ? null : first / 1000)),
            text(cell.status, cell.error?.code),
            text(describeCounts(countVerdicts({ ...results, cells: [cell] }))),
          ];
        }),
      },
    ],
  };
}

/** Of a cluster: those that the cell's servers stood on. */
function nodesOf({ server }: CellResult): string {
  return [...new Set(server.deployments.flatMap(({ node }) => node ?? []))].join(", ");
}

function describeCheckout(cell: CellResult): string | undefined {
  const checkout = lastMeasured(cell.server.deployments)?.checkout;
  if (checkout === undefined) return undefined;
  return `commit ${checkout.commit.slice(0, 12)}${checkout.dirty ? ", with uncommitted changes" : ""}`;
}

/** The SLOs in words: "TTFT at most 500 ms and TPOT at most 50 ms". */
export function describeSlos(results: Results): string | undefined {
  const { slos } = results;
  if (slos === undefined) return undefined;
  const parts = [
    ...(slos.ttftMs === undefined ? [] : [`TTFT at most ${slos.ttftMs} ms`]),
    ...(slos.tpotMs === undefined ? [] : [`TPOT at most ${slos.tpotMs} ms`]),
    ...(slos.e2eMs === undefined ? [] : [`E2E at most ${slos.e2eMs} ms`]),
  ];
  return joinWords(parts);
}
