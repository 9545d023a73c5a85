/** What stands where a secret was. */
export const MASK = "***";
/** A shorter secret is only masked where it is the whole text: hiding every "1" would make files unreadable. */
const SHORTEST_INSIDE_TEXT = 4;

export interface Masker {
  /** The text without any secret. */
  readonly text: (text: string) => string;
  /** A copy of plain data without any secret in its strings and keys. */
  readonly json: <T>(value: T) => T;
}

/**
 * Hides secrets in everything that is written or shown: also as they look inside JSON, in a URL and in base64 (basic
 * authentication). Empty values hide nothing.
 */
export function createMasker(secrets: Iterable<string>): Masker {
  const whole = new Set<string>();
  const inside = new Set<string>();
  for (const secret of secrets) {
    if (secret === "") continue;
    whole.add(secret);
    if (secret.trim().length < SHORTEST_INSIDE_TEXT) continue;
    for (const form of formsOf(secret)) inside.add(form);
  }
  // Longest first: a secret that contains another must not leave its rest behind.
  const forms = [...inside].sort((a, b) => b.length - a.length);
  const pattern = forms.length === 0 ? undefined : new RegExp(forms.map(escapeForPattern).join("|"), "g");
  const text = (value: string): string =>
    whole.has(value) ? MASK : pattern === undefined ? value : value.replace(pattern, MASK);
  return { text, json: <T>(value: T): T => maskJson(value, text) as T };
}

function formsOf(secret: string): string[] {
  const trimmed = secret.trim();
  return [
    trimmed,
    JSON.stringify(trimmed).slice(1, -1),
    // A lone half of a surrogate pair has no URL form.
    ...(/\p{Surrogate}/u.test(trimmed) ? [] : [encodeURIComponent(trimmed)]),
    Buffer.from(trimmed).toString("base64"),
  ];
}

function maskJson(value: unknown, text: (value: string) => string): unknown {
  if (typeof value === "string") return text(value);
  if (Array.isArray(value)) return value.map((item) => maskJson(item, text));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [text(key), maskJson(item, text)]));
}

function escapeForPattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}
