import type { LatencySummary } from "../results/schema/metrics.ts";
import type { PointResult, Results } from "../results/schema/results.ts";
import { formatMs, formatNumber, NONE } from "./describe.ts";
import { latencyOf } from "./estimates.ts";
import { type ModelGroup, variantName } from "./groups.ts";
import { numericColumn, type Table, type TableCell, text, textColumn } from "./table.ts";
import { titleOf } from "./titles.ts";

type Statistic = "mean" | "p50" | "p99";

/** `± 0.31`: what the client itself may have added to a statistic; undefined where nobody found out. */
export function formatClientError(latency: LatencySummary, key: string): string | undefined {
  const bar = key in errorKeys ? latency.clientErrorMs?.[key as Statistic] : undefined;
  return bar === undefined ? undefined : `± ${formatNumber(bar)}`;
}

const errorKeys: Readonly<Record<Statistic, true>> = { mean: true, p50: true, p99: true };

/** TTFT and the gaps between chunks of one model with the client's own error, where there is any such error. */
export function clientErrorTable(results: Results, model: ModelGroup): Table | undefined {
  const groups = model.blocks
    .flatMap((block) => block.loads)
    .map((group) => ({
      title: titleOf(model, group),
      rows: group.entries
        .filter(({ point }) => point.metrics?.ttftMs.clientErrorMs !== undefined)
        .map(({ cell, point }): readonly TableCell[] => {
          const ttft = latencyOf(point, "ttft");
          const gaps = point.metrics?.interChunkMs ?? null;
          return [
            text(variantName(results, cell)),
            text(middleOf(ttft)),
            text(valueOf(ttft, "p99")),
            text(middleOf(gaps)),
            text(valueOf(gaps, "p99")),
          ];
        }),
    }))
    .filter(({ rows }) => rows.length > 0);
  if (groups.length === 0) return undefined;
  return {
    caption: "TTFT and inter-chunk latency, ± the client's own error, in milliseconds",
    columns: [
      textColumn("Variant"),
      numericColumn("TTFT, median"),
      numericColumn("TTFT, p99"),
      numericColumn("Between chunks, median"),
      numericColumn("Between chunks, p99"),
    ],
    groups,
  };
}

/** The median, or the mean, which says so, where the sample carries no median. */
function middleOf(latency: LatencySummary | null): string {
  if (latency?.p50 === null && latency.mean !== null) return `mean ${valueOf(latency, "mean")}`;
  return valueOf(latency, "p50");
}

function valueOf(latency: LatencySummary | null, key: Statistic): string {
  const value = latency?.[key];
  if (latency === null || value === null || value === undefined) return NONE;
  return [formatNumber(value), formatClientError(latency, key) ?? []].flat().join(" ");
}

/** One sentence for the terminal: the widest error bars of all points; undefined without any. */
export function describeClientErrors(points: readonly PointResult[]): string | undefined {
  const widest = (latencies: readonly (LatencySummary | null | undefined)[]) =>
    Math.max(
      ...latencies.flatMap((latency) => {
        const bar = latency?.clientErrorMs;
        return bar === undefined ? [] : [latency?.p50 === null ? bar.mean : bar.p50];
      }),
    );
  const ttft = widest(points.map((point) => latencyOf(point, "ttft")));
  const gaps = widest(points.map((point) => point.metrics?.interChunkMs));
  if (!Number.isFinite(ttft)) return undefined;
  const between = Number.isFinite(gaps) ? `, times between chunks ± ${formatMs(gaps)}` : "";
  return `The client's own error, at most: median TTFT ± ${formatMs(ttft)}${between}.`;
}
