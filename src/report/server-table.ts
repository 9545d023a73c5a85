import type { PointResult, Results } from "../results/schema/results.ts";
import type { ServerLoad } from "../results/schema/server-load.ts";
import { describeLoad, formatBytes, formatNumber, NONE } from "./describe.ts";
import { type LoadGroup, type ModelGroup, variantName } from "./groups.ts";
import { numericColumn, type Table, type TableCell, text, textColumn } from "./table.ts";

/** What the servers of one model said of themselves at each load; undefined where none was looked at. */
export function serverTable(results: Results, model: ModelGroup): Table | undefined {
  const groups = model.blocks
    .flatMap((block) => block.loads)
    .filter((group) => group.entries.some(({ point }) => serversOf(point).length > 0));
  return groups.length === 0 ? undefined : tableOf(results, groups, model.model);
}

export function tableOf(results: Results, groups: readonly LoadGroup[], model: string): Table {
  return {
    caption: `What the servers of ${model} said of themselves: means, and the largest sample below`,
    columns: [
      textColumn("Variant"),
      numericColumn("Running", "requests"),
      numericColumn("Waiting", "requests"),
      numericColumn("KV cache", "% used"),
      numericColumn("Preemptions"),
      numericColumn("From prefix cache", "% of prompt tokens"),
      numericColumn("CPU", "cores"),
      numericColumn("Memory"),
    ],
    groups: groups.map(({ load, entries }) => ({
      title: describeLoad(load),
      rows: entries.map(({ cell, point }) => rowOf(variantName(results, cell), serversOf(point))),
    })),
  };
}

/** Of the measurements that a point's numbers come from: of all where none is valid. */
export function serversOf({ measurements }: PointResult): readonly ServerLoad[] {
  const usable = measurements.filter(({ verdict }) => verdict.status !== "invalid");
  return (usable.length > 0 ? usable : measurements).flatMap(({ server }) => server ?? []);
}

function rowOf(name: string, servers: readonly ServerLoad[]): readonly TableCell[] {
  const level = (
    key: "requestsRunning" | "requestsWaiting" | "cacheUsageShare" | "cpuCores" | "memoryBytes",
    show: (value: number) => string = formatNumber,
  ): TableCell => {
    const levels = servers.flatMap((server) => server[key] ?? []);
    if (levels.length === 0)
      return text(
        (key === "cpuCores" || key === "memoryBytes") && unread !== undefined ? "not looked at" : NONE,
      );
    return text(show(mean(levels.map((each) => each.mean))), show(Math.max(...levels.map(({ max }) => max))));
  };
  const unread = servers.find((server) => server.usageUnread !== undefined)?.usageUnread;
  const percent = (share: number) => formatNumber(share * 100);
  const preemptions = servers.flatMap((server) => server.preemptions ?? []);
  const shares = servers.flatMap((server) => server.cachedShare ?? []);
  const missed = servers.find((server) => server.samples === 0)?.missed;
  return [
    text(name, missed === undefined ? undefined : `not read: ${missed.why}`),
    level("requestsRunning"),
    level("requestsWaiting"),
    level("cacheUsageShare", percent),
    text(preemptions.length === 0 ? NONE : String(preemptions.reduce((sum, value) => sum + value, 0))),
    text(shares.length === 0 ? NONE : percent(mean(shares))),
    level("cpuCores"),
    level("memoryBytes", formatBytes),
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
