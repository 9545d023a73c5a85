import type { EngineMetrics, ServerMetric } from "./spec.ts";

/** What one page said, by our names; what it does not say is absent. Shares are 0 to 1. */
export type ServerMetricValues = Readonly<Partial<Record<ServerMetric, number>>>;

/**
 * Reads a page in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats). Several samples
 * of one name are parts of one server, such as its ranks: counts are added, of shares the largest is taken.
 */
export function readServerMetrics(page: string, { names }: EngineMetrics): ServerMetricValues {
  const values: Partial<Record<ServerMetric, number>> = {};
  for (const [metric, theirs] of Object.entries(names) as [ServerMetric, readonly string[]][]) {
    for (const name of theirs) {
      const samples = totalsOf(findSamples(page, name));
      if (samples.length === 0) continue;
      const numbers = samples.map(({ value }) => value);
      values[metric] =
        metric === "cacheUsageShare" ? Math.max(...numbers) : numbers.reduce((sum, value) => sum + value, 0);
      break;
    }
  }
  return values;
}

interface MetricSample {
  /** What stands between the braces. */
  readonly labels: string;
  readonly value: number;
}

/** Looked for by name, not read line by line: pages have a thousand lines and more, of which ten are wanted. */
function findSamples(page: string, name: string): MetricSample[] {
  const samples: MetricSample[] = [];
  for (let at = page.indexOf(name); at !== -1; at = page.indexOf(name, at + name.length)) {
    const before = at === 0 ? "\n" : page[at - 1];
    const after = page[at + name.length];
    if (before !== "\n" || (after !== " " && after !== "{")) continue;
    const end = page.indexOf("\n", at);
    // A last line without an end was cut.
    if (end === -1) break;
    const sample = parseSample(page.slice(at + name.length, end));
    if (sample !== undefined) samples.push(sample);
  }
  return samples;
}

/** `{labels} value` or ` value`, either with a time stamp behind it. A label's value may hold braces and blanks. */
function parseSample(rest: string): MetricSample | undefined {
  const match = /^(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?\s+(\S+)/.exec(rest);
  const value = Number(match?.[2]);
  return match === null || !Number.isFinite(value) ? undefined : { labels: match[1] ?? "", value };
}

/** SGLang with priority scheduling shows each count by priority, and beside them the whole under an empty one. */
function totalsOf(samples: readonly MetricSample[]): readonly MetricSample[] {
  const totals = samples.filter(({ labels }) => /(?:^|,)\s*priority=""/.test(labels));
  return totals.length > 0 ? totals : samples;
}
