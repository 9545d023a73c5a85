const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** A positive number and its unit, nothing else: `500ms`, `1.5s`, `5m`, `1h`. */
export const DURATION_PATTERN = /^(?=.*[1-9])(\d+(?:\.\d+)?)(ms|s|m|h)$/;

/** Milliseconds of a duration such as `500ms`, `30s`, `5m` or `1h`; undefined when the text is none. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION_PATTERN.exec(text);
  if (match === null) return undefined;
  // Rounded to whole microseconds, the resolution of the clock: 0.1s is 100 ms and not 100.00000000000001.
  return Math.round(Number(match[1]) * UNITS[match[2] as keyof typeof UNITS] * 1_000) / 1_000;
}

/** Milliseconds of a duration that the schema has accepted. */
export function durationMs(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new RangeError(`not a duration: ${text}`);
  return ms;
}
