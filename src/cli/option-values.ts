import { parseDuration } from "../config/duration.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";

/** What options say in text, as values. All throw USAGE with the option and what would fit. */

export function list(option: string, text: string, mustBeWhole = true): number[] {
  const values = text.split(",").map((part) => (mustBeWhole ? whole(option, part) : number(option, part)));
  return [...new Set(values)];
}

export function whole(option: string, text: string, least = 1): number {
  const value = number(option, text, least);
  if (Number.isInteger(value)) return value;
  throw usage(`${option} ${text}: not a whole number`, `a whole number from ${least} up`);
}

export function number(option: string, text: string, least?: number): number {
  const value = Number(text);
  const fits =
    text.trim() !== "" && Number.isFinite(value) && (least === undefined ? value > 0 : value >= least);
  if (fits) return value;
  throw usage(
    `${option} ${text}: not a number that fits`,
    least === undefined ? "a number above 0" : `a number from ${least} up`,
  );
}

export function duration(option: string, text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined && milliseconds > 0) return milliseconds / 1000;
  throw usage(`${option} ${text}: not a length of time`, "for example 500ms, 30s or 5m");
}

/** `0.95` or `95%`. */
export function share(option: string, text: string, least: number, most: number): number {
  const value = text.endsWith("%") ? number(option, text.slice(0, -1).trim()) / 100 : number(option, text);
  if (value >= least && value <= most) return value;
  throw usage(`${option} ${text}: not a share that fits`, `from ${least} to ${most}, such as 0.95 or 95%`);
}

export function usage(message: string, hint: string): LlmbenchError {
  return new LlmbenchError("USAGE", message, { exitStatus: ExitStatus.usage, hint });
}
