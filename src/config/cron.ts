interface Field {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Names for its numbers, from `from` on. */
  readonly words?: readonly string[];
}

const FIELDS: readonly Field[] = [
  { name: "minute", from: 0, to: 59 },
  { name: "hour", from: 0, to: 23 },
  { name: "day of month", from: 1, to: 31 },
  {
    name: "month",
    from: 1,
    to: 12,
    words: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  },
  { name: "day of week", from: 0, to: 6, words: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

/**
 * What is wrong with a schedule, undefined where nothing is. Five fields of `*`, numbers, names, ranges `a-b`, steps
 * `/n` and lists of these: what Argo's own parser (robfig/cron, standard form) takes, where 7 is no Sunday.
 */
export function cronProblem(text: string): string | undefined {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== FIELDS.length)
    return `expected five fields: minute, hour, day of month, month, day of week; found ${fields.length}`;
  for (const [i, field] of FIELDS.entries()) {
    const wrong = fields[i]?.split(",").find((part) => !isPart(part, field));
    if (wrong !== undefined)
      return `expected for the ${field.name} a number from ${field.from} to ${field.to}, or *; found ${JSON.stringify(wrong)}`;
  }
  return undefined;
}

function isPart(part: string, field: Field): boolean {
  const match = /^(\*|\?|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(part);
  if (match === null || match[3] === "0") return false;
  const [, first = "", last] = match;
  if (first === "*" || first === "?") return last === undefined;
  const from = numberOf(first, field);
  const to = last === undefined ? from : numberOf(last, field);
  return from !== undefined && to !== undefined && from <= to;
}

function numberOf(word: string, { from, to, words = [] }: Field): number | undefined {
  const named = words.indexOf(word.toLowerCase());
  const number = named === -1 ? Number(/^\d+$/.test(word) ? word : Number.NaN) : named + from;
  return number >= from && number <= to ? number : undefined;
}
