import { Outcome, type RequestTable } from "./request-table.ts";
import type { ServerLoad } from "./schema/server-load.ts";
import type { ServerSample, ServerSeries } from "./schema/server-series.ts";

/** Samples of a series in results.json, for a plot. */
const shownSamples = 60;

type Gauge = "requestsRunning" | "requestsWaiting" | "cacheUsageShare" | "memoryBytes";
type Counter =
  | "preemptionsTotal"
  | "promptTokensTotal"
  | "generationTokensTotal"
  | "prefixCacheQueriesTotal"
  | "prefixCacheHitsTotal";

/** Reduces a measurement's samples to what a summary says. Levels are of the time in which requests were open. */
export function summariseServer(series: ServerSeries, table: RequestTable): ServerLoad {
  const { samples, everyMs, missed } = series;
  const load: ServerLoad = { samples: samples.length, everyMs, series: { seconds: [] } };
  if (missed !== undefined) load.missed = missed;
  if (series.usageUnread !== undefined) load.usageUnread = series.usageUnread;
  const [startUs, endUs] = span(table);
  const during = samples.filter(({ sentUs, receivedUs }) => receivedUs >= startUs && sentUs <= endUs);
  for (const name of ["requestsRunning", "requestsWaiting", "cacheUsageShare", "memoryBytes"] as const) {
    const level = levelOf(during, name);
    if (level !== undefined) load[name] = level;
  }
  const cpu = cpuCores(samples);
  if (cpu !== undefined) load.cpuCores = cpu;
  const preemptions = counted(samples, "preemptionsTotal");
  if (preemptions !== undefined && preemptions >= 0) load.preemptions = preemptions;
  const share = cachedShare(series);
  if (share !== undefined) load.cachedShare = share;
  const { promptTokens, outputTokens, notCompared } = countTokens(series, table);
  if (promptTokens !== undefined) load.promptTokens = promptTokens;
  if (outputTokens !== undefined) load.outputTokens = outputTokens;
  if (notCompared !== undefined) load.notCompared = notCompared;
  load.series = thin(during, startUs);
  return load;
}

/** First request sent to last end, microseconds; nothing where none was sent. */
function span(table: RequestTable): [number, number] {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < table.count; i++) {
    const sent = table.sent[i] as number;
    if (Number.isNaN(sent)) continue;
    first = Math.min(first, sent);
    last = Math.max(last, table.end[i] as number);
  }
  return [first, last];
}

function levelOf(samples: readonly ServerSample[], name: Gauge): { mean: number; max: number } | undefined {
  const values = samples.flatMap((sample) => sample[name] ?? []);
  if (values.length === 0) return undefined;
  return { mean: values.reduce((sum, value) => sum + value, 0) / values.length, max: Math.max(...values) };
}

/** Between the first and the last sample; the largest is between two that follow each other. */
function cpuCores(samples: readonly ServerSample[]): { mean: number; max: number } | undefined {
  const told = samples.flatMap(({ sentUs, cpuSeconds }) =>
    cpuSeconds === undefined ? [] : [{ sentUs, cpuSeconds }],
  );
  const rates = told.slice(1).flatMap((now, i) => coresBetween(told[i], now) ?? []);
  const [first, last] = [told[0], told.at(-1)];
  if (first === undefined || last === undefined || rates.length === 0) return undefined;
  const mean = Math.max(0, last.cpuSeconds - first.cpuSeconds) / ((last.sentUs - first.sentUs) / 1e6);
  return { mean, max: Math.max(mean, ...rates) };
}

/** null where either does not say it, and within 0.2 s: /proc counts hundredths of a second, which is 5 % of that. */
function coresBetween(
  before: Pick<ServerSample, "sentUs" | "cpuSeconds"> | undefined,
  now: Pick<ServerSample, "sentUs" | "cpuSeconds">,
): number | null {
  if (before?.cpuSeconds === undefined || now.cpuSeconds === undefined) return null;
  const seconds = (now.sentUs - before.sentUs) / 1e6;
  return seconds < 0.2 ? null : Math.max(0, now.cpuSeconds - before.cpuSeconds) / seconds;
}

/** What a counter rose by from the first sample to the last; undefined where either lacks it. */
function counted(samples: readonly ServerSample[], name: Counter): number | undefined {
  const [first, last] = [samples[0]?.[name], samples.at(-1)?.[name]];
  return first === undefined || last === undefined || samples.length < 2 ? undefined : last - first;
}

/** Prompt tokens as the server counted them, those from its cache included. */
function countedPrompt({ samples, promptTokens }: ServerSeries): number | undefined {
  const total = counted(samples, "promptTokensTotal");
  if (promptTokens === "all" || total === undefined) return total;
  const hits = counted(samples, "prefixCacheHitsTotal");
  return hits === undefined ? undefined : total + hits;
}

function cachedShare(series: ServerSeries): number | undefined {
  const hits = counted(series.samples, "prefixCacheHitsTotal");
  const asked = counted(series.samples, "prefixCacheQueriesTotal") ?? countedPrompt(series);
  return hits === undefined || asked === undefined || hits < 0 || asked <= 0 ? undefined : hits / asked;
}

/** The server's counters beside the usage of the answers, and whether one can be held to the other. */
function countTokens(
  series: ServerSeries,
  table: RequestTable,
): Pick<ServerLoad, "promptTokens" | "outputTokens" | "notCompared"> {
  const prompt = countedPrompt(series);
  const output = counted(series.samples, "generationTokensTotal");
  if (prompt === undefined && output === undefined) return {};
  const why = notComparable(series, table, [prompt, output]);
  const tokens = (difference: number | undefined, column: Float64Array, counter: Counter) => {
    if (difference === undefined) return undefined;
    const rounding = roundingOf(series, counter);
    return {
      counted: difference,
      usage: sum(table, column),
      ...(rounding === undefined ? {} : { rounding }),
    };
  };
  return {
    promptTokens: tokens(prompt, table.promptTokens, "promptTokensTotal"),
    outputTokens: tokens(output, table.outputTokens, "generationTokensTotal"),
    notCompared: why,
  };
}

/** What the difference of two readings may be off by, where the server prints so many digits only. */
function roundingOf({ samples, counterDigits }: ServerSeries, name: Counter): number | undefined {
  const value = samples.at(-1)?.[name] ?? 0;
  if (counterDigits === undefined || value < 10 ** counterDigits) return undefined;
  return 10 ** (Math.floor(Math.log10(value)) + 1 - counterDigits);
}

function notComparable(
  { samples }: ServerSeries,
  table: RequestTable,
  differences: readonly (number | undefined)[],
): string | undefined {
  const failed = table.outcome.filter((outcome) => outcome !== Outcome.ok).length;
  if (failed > 0)
    return `${failed} ${failed === 1 ? "request" : "requests"} did not end well, and what the server did for them no usage says`;
  const silent = table.outcome.filter(
    (_, i) => Number.isNaN(table.outputTokens[i]) || Number.isNaN(table.promptTokens[i]),
  ).length;
  if (silent > 0) return `${silent} of ${table.count} answers carry no usage`;
  const [startUs, endUs] = span(table);
  if ((samples[0]?.receivedUs ?? 0) > startUs || (samples.at(-1)?.sentUs ?? 0) < endUs)
    return "the server's counters were not read both before the first request and after the last";
  if (differences.some((difference) => difference !== undefined && difference < 0))
    return "the server's counters went back: it restarted, or several servers answer under one address";
  return undefined;
}

function sum(table: RequestTable, column: Float64Array): number {
  let total = 0;
  for (let i = 0; i < table.count; i++) {
    const value = column[i] as number;
    if (!Number.isNaN(value)) total += value;
  }
  return total;
}

/** Evenly chosen samples, the first and the last among them. */
function thin(samples: readonly ServerSample[], startUs: number): ServerLoad["series"] {
  const last = samples.length - 1;
  const wanted = Math.min(samples.length, shownSamples);
  const shown = Array.from(
    { length: wanted },
    (_, i) => samples[wanted === 1 ? 0 : Math.round((i * last) / (wanted - 1))] as ServerSample,
  );
  const series: ServerLoad["series"] = {
    seconds: shown.map(({ sentUs, receivedUs }) => round(((sentUs + receivedUs) / 2 - startUs) / 1e6)),
  };
  for (const name of ["requestsRunning", "requestsWaiting", "cacheUsageShare"] as const) {
    const values = shown.map((sample) => sample[name]);
    if (values.some((value) => value !== undefined))
      series[name] = values.map((value) => (value === undefined ? null : round(value)));
  }
  if (shown.some(({ cpuSeconds }) => cpuSeconds !== undefined))
    series.cpuCores = shown.map((sample, i) => {
      const cores = coresBetween(shown[i - 1], sample);
      return cores === null ? null : round(cores);
    });
  if (shown.some(({ memoryBytes }) => memoryBytes !== undefined))
    series.memoryBytes = shown.map(({ memoryBytes }) => memoryBytes ?? null);
  return series;
}

function round(value: number): number {
  return Number(value.toFixed(4));
}
