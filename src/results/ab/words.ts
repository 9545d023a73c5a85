import type { AbComparison } from "../schema/ab.ts";
import { ALPHA } from "./paired-t.ts";

/** What an A/B says, in the same words wherever it is shown. */

/** `TPOT at c4-out64: better, −12.3 % (−14.5 to −10.1 %).` */
export function comparisonSentence(comparison: AbComparison, namePoint: boolean): string {
  const { title, finding, smallestSeen, p } = comparison;
  const where = namePoint ? `${title} at ${pointName(comparison)}` : title;
  const amount = `${signedShare(comparison)} (${intervalWords(comparison)})`;
  if (finding !== "no-difference-shown") return `${where}: ${finding}, ${amount}.`;
  const seen =
    smallestSeen === 0 ? "no pair differs" : `${shareWords(comparison, smallestSeen)} would have been seen`;
  const alone = p <= ALPHA ? "; alone it would count, among so many comparisons it does not" : "";
  return `${where}: no difference shown, ${amount}; ${seen}${alone}.`;
}

/** The whole outcome in one sentence: what is better, what is worse, and what could have been seen of the rest. */
export function outcomeSentence(
  names: { readonly a: string; readonly b: string },
  pairs: number,
  comparisons: readonly AbComparison[],
): string {
  const severalPoints = new Set(comparisons.map(pointName)).size > 1;
  const of = (finding: AbComparison["finding"]) => comparisons.filter((each) => each.finding === finding);
  const [better, worse, none] = [of("better"), of("worse"), of("no-difference-shown")];
  const all = `${comparisons.length} ${comparisons.length === 1 ? "comparison" : "comparisons"} of ${pairs} pairs`;
  if (better.length + worse.length === 0)
    return `No difference shown between ${names.a} and ${names.b} in ${all}; ${seenWords(none, severalPoints)}.`;
  const parts = [
    better.length > 0 ? `better in ${better.length} (${namesOf(better, severalPoints)})` : "better in none",
    worse.length > 0 ? `worse in ${worse.length} (${namesOf(worse, severalPoints)})` : "worse in none",
  ];
  const rest =
    none.length === 0
      ? ""
      : `; no difference shown in ${none.length}, where ${seenWords(none, severalPoints)}`;
  return `${names.b} against ${names.a}, ${all}: ${parts.join(", ")}${rest}.`;
}

/** The largest three, then how many more. */
function namesOf(comparisons: readonly AbComparison[], namePoint: boolean): string {
  const largest = comparisons.toSorted((x, y) => Math.abs(y.difference) - Math.abs(x.difference));
  const shown = largest.slice(0, 3).map((each) => `${nameOf(each, namePoint)} ${signedShare(each)}`);
  const more = largest.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(", ");
}

function seenWords(comparisons: readonly AbComparison[], namePoint: boolean): string {
  const ascending = comparisons
    .filter(({ smallestSeen }) => smallestSeen > 0)
    .toSorted((x, y) => x.smallestSeen - y.smallestSeen);
  const words = (each: AbComparison) =>
    `${shareWords(each, each.smallestSeen)} of ${nameOf(each, namePoint)}`;
  const [least, most] = [ascending[0], ascending.at(-1)];
  if (least === undefined || most === undefined) return "no pair differs";
  return least === most
    ? `${words(least)} would have been seen`
    : `from ${words(least)} to ${words(most)} would have been seen`;
}

function nameOf(comparison: AbComparison, namePoint: boolean): string {
  return namePoint ? `${comparison.title} at ${pointName(comparison)}` : comparison.title;
}

/** `−12.3 %`; points where shares are compared. */
export function signedShare({ difference, scale }: Pick<AbComparison, "difference" | "scale">): string {
  return `${signed(difference)} ${unitOf(scale)}`;
}

/** `−14.5 to −10.1 %` */
export function intervalWords({ interval, scale }: Pick<AbComparison, "interval" | "scale">): string {
  return `${signed(interval[0])} to ${signed(interval[1])} ${unitOf(scale)}`;
}

export function shareWords({ scale }: Pick<AbComparison, "scale">, share: number): string {
  return `${percents(share)} ${unitOf(scale)}`;
}

const unitOf = (scale: AbComparison["scale"]) => (scale === "ratio" ? "%" : "points");

function signed(share: number): string {
  const text = percents(Math.abs(share));
  return text === "0" ? text : `${share < 0 ? "−" : "+"}${text}`;
}

/** Three digits at most, and no more than two after the point: a difference is not known better. */
function percents(share: number): string {
  return String(Number(Number((share * 100).toPrecision(3)).toFixed(2)));
}

/** `c4-out64`, or both where A's and B's load differ. */
export function pointName({ pointA, pointB }: Pick<AbComparison, "pointA" | "pointB">): string {
  return pointA === pointB ? pointA : `${pointA} against ${pointB}`;
}
