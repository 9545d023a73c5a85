import type { LatencySummary, Metrics, RateSummary } from "../results/schema/metrics.ts";
import type { CellResult, MeasurementResult, PointResult, Results } from "../results/schema/results.ts";
import type { Verdict } from "../results/schema/verdict.ts";
import type { Load } from "./describe.ts";

type Value = string | number | boolean | null | undefined;

/**
 * Two tables for a spreadsheet, RFC 4180: a row for each point of each cell, and a row for each measurement. Every
 * column names its unit; what there is not, is empty. Values are as in results.json, not rounded.
 */
export function renderCsv(results: Results): { readonly points: string; readonly measurements: string } {
  const points: (readonly (readonly [string, Value])[])[] = [];
  const measurements: (readonly (readonly [string, Value])[])[] = [];
  for (const cell of results.cells) {
    for (const point of cell.points) {
      const place = placeColumns(results, cell, point);
      points.push([
        ...place,
        ...countColumns(point),
        ...metricColumns(point.metrics),
        ...verdictColumns(point.verdict),
      ]);
      for (const measurement of point.measurements) {
        measurements.push([
          ...place,
          ...measurementColumns(measurement),
          ...countColumns(measurement),
          ...metricColumns(measurement.metrics),
          ...verdictColumns(measurement.verdict),
          ...instrumentColumns(measurement),
          ...serverColumns(measurement),
        ]);
      }
    }
  }
  return { points: formatCsv(points), measurements: formatCsv(measurements) };
}

function placeColumns(
  results: Results,
  cell: CellResult,
  point: PointResult,
): readonly (readonly [string, Value])[] {
  return [
    ["run", results.run.id],
    ["simulated", cell.simulated],
    ["cell", cell.id],
    ["variant", cell.variant],
    ["engine", cell.engine],
    ["engine_version", cell.engineVersion],
    ["model", cell.model.id],
    ["precision", cell.model.precision],
    ["hardware", cell.hardware],
    ["block", point.block],
    ["point", point.id],
    ...loadColumns(point.load),
  ];
}

function loadColumns(load: Load): readonly (readonly [string, Value])[] {
  return [
    ["arrival", load.arrival],
    ["concurrency", load.concurrency],
    ["rate_per_second", load.ratePerSecond],
    ["max_concurrency", load.maxConcurrency],
    ["input_tokens_asked", load.inputTokens],
    ["output_tokens_asked", load.outputTokens],
  ];
}

function measurementColumns(measurement: MeasurementResult): readonly (readonly [string, Value])[] {
  return [
    ["repetition", measurement.repetition],
    ["deployment", measurement.deployment],
    ["instance", measurement.instance],
    ["seed", measurement.seed],
  ];
}

function countColumns({ requests }: PointResult | MeasurementResult): readonly (readonly [string, Value])[] {
  return [
    ["requests_planned", requests.planned],
    ["requests_ok", requests.ok],
    ["requests_failed", requests.failed],
    ["requests_timed_out", requests.timedOut],
    ["requests_cancelled", requests.cancelled],
  ];
}

function metricColumns(metrics: Metrics | null): readonly (readonly [string, Value])[] {
  return [
    ...rateColumns("output_tokens_per_second", metrics?.outputTokensPerSecond),
    ...rateColumns("output_tokens_per_second_full_run", metrics?.outputTokensPerSecondFullRun),
    ...rateColumns("requests_per_second", metrics?.requestsPerSecond),
    ["output_tokens_per_second_per_user", metrics?.outputTokensPerSecondPerUser],
    ["window_seconds", metrics?.windowSeconds],
    ["goodput_share", metrics?.goodput?.share],
    ["goodput_share_low", metrics?.goodput?.interval?.[0]],
    ["goodput_share_high", metrics?.goodput?.interval?.[1]],
    ["goodput_requests_per_second", metrics?.goodput?.perSecond],
    ...latencyColumns("ttft", metrics?.ttftMs),
    ...latencyColumns("tpot", metrics?.tpotMs),
    ...latencyColumns("e2e", metrics?.e2eMs),
    ...latencyColumns("user_ttft", metrics?.userTtftMs),
    ...latencyColumns("user_e2e", metrics?.userE2eMs),
    ...latencyColumns("inter_chunk", metrics?.interChunkMs),
    ["prompt_tokens_mean", metrics?.tokens.promptMean],
    ["cached_tokens_mean", metrics?.tokens.cachedMean],
    ["output_tokens_mean", metrics?.tokens.outputMean],
    ["output_tokens_total", metrics?.tokens.outputTotal],
  ];
}

function rateColumns(
  name: string,
  rate: RateSummary | null | undefined,
): readonly (readonly [string, Value])[] {
  return [
    [name, rate?.value],
    [`${name}_low`, rate?.interval?.[0]],
    [`${name}_high`, rate?.interval?.[1]],
  ];
}

function latencyColumns(
  name: string,
  latency: LatencySummary | undefined,
): readonly (readonly [string, Value])[] {
  const statistics = ["mean", "p50", "p90", "p95", "p99"] as const;
  return [
    [`${name}_count`, latency?.count],
    [`${name}_min_ms`, latency?.min],
    ...statistics.flatMap((statistic): (readonly [string, Value])[] => [
      [`${name}_${statistic}_ms`, latency?.[statistic]],
      [`${name}_${statistic}_low_ms`, latency?.intervals[statistic]?.[0]],
      [`${name}_${statistic}_high_ms`, latency?.intervals[statistic]?.[1]],
    ]),
    [`${name}_max_ms`, latency?.max],
  ];
}

function verdictColumns(verdict: Verdict): readonly (readonly [string, Value])[] {
  const codes = (reasons: Verdict["reasons"]) => [...new Set(reasons.map((reason) => reason.code))].join(" ");
  return [
    ["verdict", verdict.status],
    ["verdict_reasons", codes(verdict.reasons)],
    ["verdict_notes", codes(verdict.notes)],
  ];
}

function instrumentColumns({ instrument }: MeasurementResult): readonly (readonly [string, Value])[] {
  return [
    ["schedule_lag_p99_ms", instrument?.scheduleLagMs.p99],
    ["event_loop_delay_p99_ms", instrument?.eventLoopDelayMs.p99],
    ["client_cpu_user_seconds", instrument?.cpuSeconds.user],
    ["client_cpu_system_seconds", instrument?.cpuSeconds.system],
    ["wall_seconds", instrument?.wallSeconds],
    ["connections_opened", instrument?.connections.opened],
    ["connections_reused", instrument?.connections.reused],
  ];
}

function serverColumns({ server }: MeasurementResult): readonly (readonly [string, Value])[] {
  return [
    ["server_requests_running_mean", server?.requestsRunning?.mean],
    ["server_requests_running_max", server?.requestsRunning?.max],
    ["server_requests_waiting_mean", server?.requestsWaiting?.mean],
    ["server_requests_waiting_max", server?.requestsWaiting?.max],
    ["server_cache_mean_share", server?.cacheUsageShare?.mean],
    ["server_cache_max_share", server?.cacheUsageShare?.max],
    ["server_preemptions_count", server?.preemptions],
    ["server_prompt_tokens_counted", server?.promptTokens?.counted],
    ["server_output_tokens_counted", server?.outputTokens?.counted],
    ["server_cached_prompt_share", server?.cachedShare],
    ["server_cpu_mean_cores", server?.cpuCores?.mean],
    ["server_cpu_max_cores", server?.cpuCores?.max],
    ["server_memory_mean_bytes", server?.memoryBytes?.mean],
    ["server_memory_max_bytes", server?.memoryBytes?.max],
  ];
}

/** Every row has the same columns, so the first one heads the table; without rows there is nothing to head. */
function formatCsv(rows: readonly (readonly (readonly [string, Value])[])[]): string {
  const [first] = rows;
  if (first === undefined) return "";
  const head = first.map(([name]) => name);
  const lines = rows.map((row) => row.map(([, value]) => formatField(value)).join(","));
  return [head.join(","), ...lines].map((line) => `${line}\r\n`).join("");
}

function formatField(value: Value): string {
  if (value === null || value === undefined) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
