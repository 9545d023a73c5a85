/** Counts by upper bound, as Prometheus histograms do. */
class Histogram {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  add(value: number): void {
    this.sum += value;
    this.count++;
    for (let i = 0; i < this.bounds.length; i++) {
      if (value <= (this.bounds[i] ?? Infinity)) {
        this.counts[i] = (this.counts[i] ?? 0) + 1;
        return;
      }
    }
  }
}

const secondBounds = [0.001, 0.0025, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const lengthBounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/** Everything that a /metrics page may show, as it stands. Times in seconds. */
export class LiveMetrics {
  running = 0;
  waiting = 0;
  maxBatch = 1;
  contextLength = 0;
  /** Tokens of running sequences, and how many fit. */
  usedTokens = 0;
  capacityTokens = 1;
  requests = 0;
  finishedByStop = 0;
  finishedByLength = 0;
  aborted = 0;
  failed = 0;
  promptTokens = 0;
  outputTokens = 0;
  cachedTokens = 0;
  /** The same of sequences that ended: some engines count a request when it is over. */
  endedPromptTokens = 0;
  endedCachedTokens = 0;
  prefillSeconds = 0;
  decodeSeconds = 0;
  steps = 0;
  /** Sum over steps of sequences in them. */
  stepSequences = 0;
  /** Output tokens a second, over the time in which any were made. */
  tokensPerSecond = 0;
  startedSeconds = 0;
  readonly ttft = new Histogram(secondBounds);
  readonly interToken = new Histogram(secondBounds);
  readonly perOutputToken = new Histogram(secondBounds);
  readonly e2e = new Histogram(secondBounds);
  readonly queue = new Histogram(secondBounds);
  readonly prefill = new Histogram(secondBounds);
  readonly decode = new Histogram(secondBounds);
  readonly promptLength = new Histogram(lengthBounds);
  readonly outputLength = new Histogram(lengthBounds);

  get succeeded(): number {
    return this.finishedByStop + this.finishedByLength;
  }
  get cacheUsage(): number {
    return Math.min(1, this.usedTokens / this.capacityTokens);
  }
  get cacheHitRate(): number {
    return this.promptTokens === 0 ? 0 : this.cachedTokens / this.promptTokens;
  }
  get computedPromptTokens(): number {
    return this.promptTokens - this.cachedTokens;
  }
  get sequencesPerStep(): number {
    return this.steps === 0 ? 0 : this.stepSequences / this.steps;
  }
  get promptTokensPerSecond(): number {
    return this.prefillSeconds === 0 ? 0 : this.computedPromptTokens / this.prefillSeconds;
  }
}

/** A value, or where it comes from. */
export type MetricSource = number | ((live: LiveMetrics) => number | Histogram);

/** One family of a /metrics page: name and type as the engine writes them in its TYPE line. */
export interface MetricFamily {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  readonly source: MetricSource;
  /** Samples with labels of their own, e.g. one a finish reason; replaces `source`. */
  readonly samples?: readonly { readonly labels: string; readonly source: MetricSource }[];
}

/** Families from lines of "name type", each with its source by name; without one it stays at 0. */
export function families(
  lines: string,
  sources: Readonly<Record<string, MetricSource | MetricFamily["samples"]>>,
): MetricFamily[] {
  return lines
    .trim()
    .split("\n")
    .map((line) => {
      const [name = "", type = "gauge"] = line.trim().split(" ");
      const source = sources[name] ?? 0;
      const family = { name, type: type as MetricFamily["type"] };
      return typeof source === "object" ? { ...family, source: 0, samples: source } : { ...family, source };
    });
}

export interface MetricStyle {
  /** Labels of every sample, e.g. `model_name="x"`. */
  readonly labels: string;
  /** How the engine's language writes a number. */
  readonly number: (value: number) => string;
  /** Buckets for histograms without a value of their own are left out. */
  readonly families: readonly MetricFamily[];
}

/** As Python's client: whole numbers as `1.0`, from a million on as Go does, every digit kept: `1.234567e+06`. */
export function pythonNumber(value: number): string {
  if (value < 1e6) return Number.isInteger(value) ? `${value}.0` : String(value);
  return value.toExponential().replace(/e\+(\d)$/, "e+0$1");
}

/** As C++ prints a double: six significant digits, so that counters of a million are rounded. */
export function cppNumber(value: number): string {
  return value < 1e6
    ? String(Number(value.toPrecision(6)))
    : Number(value.toPrecision(6))
        .toExponential()
        .replace(/e\+(\d)$/, "e+0$1");
}

/** The page in Prometheus' text format. */
export function renderMetrics(live: LiveMetrics, { labels, number, families }: MetricStyle): string {
  const lines: string[] = [];
  const sample = (name: string, own: string, value: number) => {
    const all = [labels, own].filter((part) => part !== "").join(",");
    lines.push(`${name}${all === "" ? "" : `{${all}}`} ${number(value)}`);
  };
  for (const family of families) {
    lines.push(`# HELP ${family.name} Simulated.`, `# TYPE ${family.name} ${family.type}`);
    for (const { labels: own, source } of family.samples ?? [{ labels: "", source: family.source }]) {
      const value = typeof source === "number" ? source : source(live);
      if (value instanceof Histogram) writeHistogram(family.name, own, value, sample);
      else if (family.type === "histogram") writeHistogram(family.name, own, new Histogram([1]), sample);
      else if (family.type === "summary") {
        sample(`${family.name}_sum`, own, value);
        sample(`${family.name}_count`, own, value);
      } else sample(family.name, own, value);
    }
  }
  return `${lines.join("\n")}\n`;
}

function writeHistogram(
  name: string,
  own: string,
  histogram: Histogram,
  sample: (name: string, own: string, value: number) => void,
): void {
  let below = 0;
  const withBound = (bound: string) => [own, `le="${bound}"`].filter((part) => part !== "").join(",");
  for (const [i, bound] of histogram.bounds.entries()) {
    below += histogram.counts[i] ?? 0;
    sample(`${name}_bucket`, withBound(String(bound)), below);
  }
  sample(`${name}_bucket`, withBound("+Inf"), histogram.count);
  sample(`${name}_sum`, own, histogram.sum);
  sample(`${name}_count`, own, histogram.count);
}
