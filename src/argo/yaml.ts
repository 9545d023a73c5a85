import { Document, Scalar, visit } from "yaml";

/**
 * The manifests as YAML, one document each. The same definition gives the same bytes. YAML 1.1 readers (Kubernetes',
 * Python's) and YAML 1.2 readers see the same values: what one of them would take for a number, a date or a truth value
 * stands in quotes.
 */
export const toYaml = (...manifests: readonly { readonly object: unknown }[]): string =>
  manifests.map(({ object }) => writeDocument(object)).join("---\n");

function writeDocument(object: unknown): string {
  const document = new Document(inReadingOrder(object), {
    compat: "yaml-1.1",
    aliasDuplicateObjects: false,
    version: "1.2",
  });
  visit(document, {
    Scalar(key, scalar) {
      if (typeof scalar.value !== "string") return;
      if (key !== "key" && isBlock(scalar.value)) scalar.type = Scalar.BLOCK_LITERAL;
      else if (isMisread(scalar.value)) scalar.type = Scalar.QUOTE_DOUBLE;
    },
  });
  // What stands in quotes may be escaped, and everything unprintable stands in quotes.
  return document.toString({ lineWidth: 0, indentSeq: false }).replaceAll(unprintable, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

const unprintable = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/** Text of several lines that a block can hold as it is. */
const isBlock = (text: string): boolean =>
  text.includes("\n") && /^[\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff]*$/.test(text) && !/^\s| \n| $/.test(text);

/** What some YAML reader takes for a number, a date, a truth value or a break, beyond what `compat` knows. */
const isMisread = (text: string): boolean =>
  /^[-+]?\.?\d[\da-f\sxobptz_.:+-]*$/i.test(text) ||
  /^(?:y|n|yes|no|on|off|true|false|null|~|=|<<|[-+]?\.?(?:inf|nan)(?:inity)?)$/i.test(text) ||
  /[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff]/.test(text);

/** The order in which a person reads an object; fields that are not named here follow by the alphabet. */
const readingOrder = `
  apiVersion kind metadata spec
  name generateName namespace labels annotations description
  schedules timezone concurrencyPolicy workflowTemplateRef entrypoint onExit
  template templateRef depends when withItems withParam inputs outputs arguments
  image command args env
`
  .trim()
  .split(/\s+/);

/** What is longest stands last. */
const atTheEnd = ["templates", "container", "script", "dag", "tasks", "source", "workflowSpec"];

function inReadingOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inReadingOrder);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  const rank = (key: string): number => {
    const early = readingOrder.indexOf(key);
    return early >= 0 ? early - readingOrder.length : atTheEnd.indexOf(key) + 1;
  };
  entries.sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, inReadingOrder(each)]));
}
