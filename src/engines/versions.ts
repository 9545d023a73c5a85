/**
 * True when `version` is `bound` or later by its leading numbers ("0.6.4.post1" is 0.6.4; "v3.3.6-dev0" is 3.3.6).
 * No version, or one without numbers ("dev"), is the newest.
 */
export function isAtLeast(version: string | undefined, bound: string): boolean {
  const have = numbersOf(version ?? "");
  if (have.length === 0) return true;
  const want = numbersOf(bound);
  for (let i = 0; i < Math.max(have.length, want.length); i++) {
    const difference = (have[i] ?? 0) - (want[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function numbersOf(version: string): number[] {
  const match = /^\D{0,1}(\d+(?:\.\d+)*)/.exec(version.trim());
  return match?.[1] === undefined ? [] : match[1].split(".").map(Number);
}
