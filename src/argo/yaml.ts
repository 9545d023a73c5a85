import { Document, Scalar, visit } from "yaml";
import type { Manifest } from "./workflow.ts";

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
    Scalar(_key, scalar) {
      if (typeof scalar.value !== "string") return;
      if (isLongText(scalar.value)) scalar.type = Scalar.BLOCK_LITERAL;
      else if (misread(scalar.value)) scalar.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({ lineWidth: 0, indentSeq: false });
}

/** Text of several lines that a block can hold as it is. */
const isLongText = (text: string): boolean =>
  text.includes("\n") && /^[\t\n\x20-\x7e\xa0-\ud7ff]*$/.test(text) && !/^\s|[ \t]\n|[ \t]$/.test(text);

/** What some YAML reader takes for something else than text, beyond what `compat` knows. */
const misread = (text: string): boolean =>
  /^[-+]?[\d.]/.test(text) ||
  /^(?:y|n|yes|no|on|off|true|false|null|~|=|<<)$/i.test(text) ||
  /[\u0085\u2028\u2029\ufeff]/.test(text);

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

export type { Manifest };
