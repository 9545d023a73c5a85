import type { Effects } from "./options.ts";
import { pickInteger, type Random } from "./random.ts";

/** Cuts at random bytes; fewer pieces where there are fewer bytes. */
export function cutAtRandom(bytes: Buffer, pieces: number | "every-byte", random: Random): Buffer[] {
  const wanted = pieces === "every-byte" ? bytes.length : Math.min(pieces, bytes.length);
  if (wanted <= 1) return [bytes];
  const cuts = new Set<number>();
  if (pieces === "every-byte") for (let at = 1; at < bytes.length; at++) cuts.add(at);
  while (cuts.size < wanted - 1) cuts.add(pickInteger(random, 1, bytes.length - 1));
  const ends = [...cuts].sort((a, b) => a - b).concat(bytes.length);
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

/** What is done to an event's text: line ends, and the fields and comments that server-sent events allow. */
export function transformOf(
  { lineEnd, decorate }: Effects,
  random: Random,
): ((content: string) => string) | undefined {
  if (decorate !== true && (lineEnd === undefined || lineEnd === "lf")) return undefined;
  const end = { lf: "\n", crlf: "\r\n", cr: "\r" }[lineEnd ?? "lf"];
  const extras = [
    "",
    ": comment\n",
    ":\n\n",
    "event: message\n",
    "id: 7\n",
    "retry: 3000\n",
    "unknown: x\n",
    "\n",
  ];
  return (content) => {
    const decorated =
      decorate === true
        ? content.replace(/^data: ?/gm, () => {
            const extra = extras[pickInteger(random, 0, extras.length - 1)] ?? "";
            return `${extra}data:${random() < 0.5 ? "" : " "}`;
          })
        : content;
    return end === "\n" ? decorated : decorated.replaceAll("\n", end);
  };
}
