import type { z } from "zod";
import type { LoadSettingSchema } from "../results/schema/summary.ts";
import type { VerdictStatus } from "../results/schema/verdict.ts";

/** Numbers and words, the same in every format: HTML, Markdown, terminal and plots all take them from here. */

export type Load = z.infer<typeof LoadSettingSchema>;

/** What stands where there is no number. */
export const NONE = "—";

/** Three significant digits with thousands separated: 0.0123, 15.9, 412, 12,300. Not finite or null: a dash. */
export function formatNumber(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  if (value === 0) return "0";
  // Rounded first: 999.6 has four digits before its point once it is rounded.
  const rounded = Number(value.toPrecision(3));
  const exponent = Math.floor(Math.log10(Math.abs(rounded)));
  const [whole = "", fraction] = rounded.toFixed(Math.min(20, Math.max(0, 2 - exponent))).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** Milliseconds as a person reads them: "412 ms", "1.42 s", "2 min 5 s". */
export function formatMs(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return NONE;
  if (Math.abs(Number(ms.toPrecision(3))) < 1000) return `${formatNumber(ms)} ms`;
  if (Math.abs(ms) < 120_000) return `${formatNumber(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Two ends in one unit: "38.9–47.0 ms", "1.59–1.60 s". */
export function formatMsRange(low: number, high: number): string {
  return Math.abs(high) < 1000 ? `${formatRange(low, high)} ms` : `${formatRange(low / 1000, high / 1000)} s`;
}

export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toPrecision(3))} ${units[unit]}`;
}

export function formatRange(low: number, high: number): string {
  return `${formatNumber(low)}–${formatNumber(high)}`;
}

/** An ISO time as "2026-11-24 08:43 UTC"; what is no time is shown as it stands. */
export function formatTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

export function count(n: number, singular: string, plural = `${singular}s`): string {
  return `${n.toLocaleString("en-US")} ${n === 1 ? singular : plural}`;
}

export function capitalize(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** "a", "a and b", "a, b and c". */
export function joinWords(words: readonly string[], last = "and"): string {
  if (words.length < 2) return words[0] ?? "";
  return `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}

/** A load in words: "concurrency 4, 64 tokens out, 512 in". */
export function describeLoad(load: Load): string {
  const parts = [describeArrival(load), `${count(load.outputTokens, "token")} out`];
  if (load.inputTokens !== undefined) parts.push(`${count(load.inputTokens, "token")} in`);
  return [...parts, ...cacheParts(load)].join(", ");
}

/** When requests start: "concurrency 4", "2 requests/s, Poisson". */
export function describeArrival(load: Load): string {
  if (load.arrival === "closed") return `concurrency ${load.concurrency ?? 1}`;
  const rate = `${count(load.ratePerSecond ?? 0, "request")}/s`;
  return load.arrival === "poisson" ? `${rate}, Poisson` : `${rate}, evenly spaced`;
}

/** A load where space is short: "c4 · 64 out". */
export function shortLoad(load: Load): string {
  const start = load.arrival === "closed" ? `c${load.concurrency ?? 1}` : `${load.ratePerSecond ?? 0}/s`;
  const parts = [load.arrival === "poisson" ? `${start} Poisson` : start, `${load.outputTokens} out`];
  if (load.inputTokens !== undefined) parts.push(`${load.inputTokens} in`);
  return [...parts, ...cacheParts(load)].join(" · ");
}

/** What the server's prefix cache may hold of a load's prompts. */
export function describeCache({ cache, inputTokens }: Pick<Load, "cache" | "inputTokens">): string {
  const contract = cache ?? (inputTokens === undefined ? "warm" : "cold");
  if (contract === "warm")
    return "warm: prompts repeat, engines' caches as they are, so TTFT is that of a prompt seen before";
  return contract === "cold"
    ? "cold: no prompt begins like one before, so that each is read in full"
    : `shared prefix: all prompts begin with the same ${prefixWords(contract)}`;
}

/** "512 tokens", "50 % of each". */
function prefixWords(contract: string): string {
  const size = Number(contract.slice("shared-prefix:".length));
  return size < 1 ? `${formatNumber(size * 100).replace(/\.0+$/, "")} % of each` : count(size, "token");
}

/** What a load's name says of its cache contract; nothing where it is the usual one. */
function cacheParts({ cache, inputTokens }: Load): string[] {
  if (cache === undefined || cache === (inputTokens === undefined ? "warm" : "cold")) return [];
  if (!cache.startsWith("shared-prefix")) return [`${cache} cache`];
  return [`${prefixWords(cache).replace(" of each", "")} shared`];
}

/** How much of a load is sent: "12 requests" or "for 30 s". */
export function describeAmount(load: Load): string | undefined {
  if (load.precision !== undefined)
    return `until the means are ± ${Number((load.precision * 100).toPrecision(3))} %`;
  if (load.requests !== undefined) return count(load.requests, "request");
  if (load.durationSeconds !== undefined) return `for ${load.durationSeconds} s`;
  return undefined;
}

/** How much larger `a` is than `b`, for a sentence: "2.1 times", "12 % above". Both above zero, a ≥ b. */
export function describeExcess(
  a: number,
  b: number,
): { readonly times: string } | { readonly percent: string } {
  const ratio = a / b;
  return ratio >= 1.5
    ? { times: `${ratio.toPrecision(ratio < 10 ? 2 : 3)} times` }
    : { percent: `${((ratio - 1) * 100).toPrecision(2)} %` };
}

export const VERDICT_WORDS: Readonly<Record<VerdictStatus, string>> = {
  valid: "valid",
  suspect: "suspect",
  invalid: "invalid",
};

export const VERDICT_MARKS: Readonly<Record<VerdictStatus, string>> = {
  valid: "✓",
  suspect: "?",
  invalid: "✗",
};

/** What stands on everything that shows simulated numbers: which engines, where not all of them are. */
export function simulatedSentence(cells: readonly { variant: string; simulated: boolean }[]): string {
  const variants = new Set(cells.filter(({ simulated }) => simulated).map(({ variant }) => variant));
  const all = cells.every(({ simulated }) => simulated);
  const which = all
    ? "The engines of this run are"
    : `${joinWords([...variants])} ${variants.size === 1 ? "is" : "are"}`;
  const figures = all ? "its figures" : "these figures";
  return `${which} simulated: ${figures} come from a latency model and say nothing about any real engine.`;
}
