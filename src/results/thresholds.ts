/** Above the first: suspect; above the second: invalid. Shares of one. */
export const THRESHOLDS = {
  /** Open loop: the client's lag, of the TTFT of the same rank (p50, p99). */
  scheduleLag: [0.05, 0.25],
  /** Sent below the offered rate; closed loop: idle share of the streams' time. */
  rate: [0.02, 0.1],
  failed: [0, 0.05],
  outputLength: 0.02,
  /** Share of prompt tokens. */
  cachedShare: 0.05,
  /** Tokens by the server's counters, apart from those by usage. */
  conservation: 0.002,
  /** The client's own error in a median, of that median. */
  clientError: [0.1, 0.25],
  /** The load generator's CPU time, of one core. */
  clientCpu: 0.8,
} as const;

/** Whether a share passes one of a pair of limits, and which. */
export function crosses(
  share: number,
  [suspect, invalid]: readonly [number, number],
): { status: "suspect" | "invalid"; threshold: number } | undefined {
  if (share > invalid) return { status: "invalid", threshold: invalid };
  return share > suspect ? { status: "suspect", threshold: suspect } : undefined;
}

/** As a reason says it: three digits. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

export function ms(value: number): string {
  return `${Number(value.toPrecision(3))} ms`;
}
