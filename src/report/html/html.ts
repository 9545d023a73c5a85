/** HTML that may be inserted as it stands: made by `html`, or said to be safe by `raw`. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Insertable = string | number | Html | undefined | false | readonly Insertable[];

/** Whatever is put into the template is escaped, unless it is HTML already; lists are joined, undefined is nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Insertable[]): Html {
  return new Html(parts.reduce((text, part, i) => text + insert(values[i - 1]) + part));
}

/** For text that was made to be HTML or SVG elsewhere. */
export function raw(text: string): Html {
  return new Html(text);
}

function insert(value: Insertable): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Html) return value.text;
  if (typeof value === "object") return value.map(insert).join("");
  return escapeHtml(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const FORBIDDEN = /(?![\t\n\r])\p{Cc}/gu;

/** Escaped for text and quoted attributes; control characters, which HTML forbids, become a replacement sign. */
export function escapeHtml(text: string): string {
  return text
    .replace(FORBIDDEN, "\ufffd")
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
