import { displayWidth, printable, shorten } from "../display-width.ts";

/** `95` → "1 min 35 s"; whole seconds, the two largest units. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Joins parts with two spaces into at most `width` columns: the first part (a name) gives way first, then the third. */
export function fitLine(parts: readonly string[], width: number): string {
  const fitted = parts.map(printable);
  const length = () => fitted.reduce((sum, part) => sum + displayWidth(part) + 2, -2);
  for (const index of [0, 2, 1, 3]) {
    const part = fitted[index];
    if (part === undefined) continue;
    const excess = length() - width;
    if (excess <= 0) break;
    fitted[index] = shorten(part, Math.max(10, displayWidth(part) - excess));
  }
  return shorten(fitted.join("  "), width);
}
