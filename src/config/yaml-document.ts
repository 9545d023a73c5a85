import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLError,
} from "yaml";
import { type Finding, onKey, type Path } from "./finding.ts";

type Range = readonly [number, number];

interface Place {
  readonly key?: Range;
  readonly value: Range;
  /** How the file spells a plain scalar: `0.10`, which reads as 0.1. */
  readonly source?: string;
}

/** A YAML file as data, with the place of every key and value. */
export interface YamlDocument {
  /** Undefined when the syntax is so broken that what was read means nothing. */
  readonly data: unknown;
  readonly findings: readonly Finding[];
  readonly lines: LineCounter;
  readonly places: Places;
}

/** Far more than any config has; an alias bomb reaches it at once. */
const MOST_NODES = 100_000;

/** Reads YAML 1.2 (core schema), one document. Never throws: what is wrong is in `findings`. */
export function readYaml(text: string): YamlDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Ours names the path and the line of the first.
    uniqueKeys: false,
    version: "1.2",
  });
  const findings = [...document.errors, ...document.warnings].map((error) => syntaxFinding(error));
  if (document.directives?.yaml.version === "1.1")
    findings.push({
      path: [],
      at: "key",
      text: "configs are YAML 1.2; remove the line %YAML 1.1",
      range: [0, 9],
    });
  const places = new Places();
  if (findings.length > 0) return { data: undefined, findings, lines, places };
  const reader = new Reader(document, places, lines);
  const data = reader.read(document.contents, [], new Set());
  return { data, findings: reader.findings, lines, places };
}

/** Where in the text each path is. */
export class Places {
  readonly #places = new Map<string, Place>();

  set(path: Path, place: Place): void {
    this.#places.set(JSON.stringify(path), place);
  }

  get(path: Path): Place | undefined {
    return this.#places.get(JSON.stringify(path));
  }

  /** Offsets to point at; those of the nearest key above where the path itself is not in the file. */
  range(path: Path, at: "key" | "value"): Range {
    const place = this.get(path);
    if (place !== undefined) return at === "value" ? place.value : (place.key ?? place.value);
    return path.length === 0 ? [0, 0] : this.range(path.slice(0, -1), "key");
  }
}

class Reader {
  readonly findings: Finding[] = [];
  readonly #document: Document;
  readonly #places: Places;
  readonly #lines: LineCounter;
  #nodes = 0;

  constructor(document: Document, places: Places, lines: LineCounter) {
    this.#document = document;
    this.#places = places;
    this.#lines = lines;
  }

  /** `open` are the nodes that this one lies in, to see an anchor that contains itself. */
  read(node: unknown, path: Path, open: ReadonlySet<unknown>, key?: Range): unknown {
    if (++this.#nodes > MOST_NODES) return this.#refuse(path, "has more parts than any config needs");
    const value = this.#place(node as Node | null, path, key);
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      if (target === undefined) return this.#refuse(path, `no anchor &${node.source} stands above this`);
      if (open.has(target)) return this.#refuse(path, `the anchor &${node.source} contains itself`);
      const data = this.read(target, path, open, key);
      // Point at the alias, whose line the user looks at; what lies below is found at the anchor.
      this.#places.set(path, { ...this.#places.get(path), ...value });
      return data;
    }
    if (isScalar(node)) return node.value;
    if (node === null || node === undefined) return null;
    const inside = new Set(open).add(node);
    if (isMap(node)) return this.#readMap(node.items, path, inside);
    const items = (node as { items: unknown[] }).items;
    return items.map((item, i) => this.read(item, [...path, i], inside));
  }

  #readMap(items: readonly Pair[], path: Path, inside: ReadonlySet<unknown>): Record<string, unknown> {
    const data: Record<string, unknown> = {};
    const first = new Map<string, number>();
    for (const { key, value } of items) {
      const range = rangeOf(key as Node | null);
      const name = isScalar(key) ? keyText(key) : undefined;
      if (name === undefined) {
        this.findings.push({
          path,
          at: "key",
          text: "expected a key that is plain text",
          ...(range && { range }),
        });
        continue;
      }
      const below = [...path, name];
      const line = this.#lines.linePos(range?.[0] ?? 0).line;
      const earlier = first.get(name);
      if (earlier !== undefined) {
        this.findings.push({
          ...onKey(below, `key given twice; the first is on line ${earlier}`),
          ...(range && { range }),
        });
      } else if (name === "<<") {
        this.findings.push({
          ...onKey(below, "merge keys (<<) are not part of YAML 1.2; share a whole value: settings: *anchor"),
          ...(range && { range }),
        });
      } else {
        first.set(name, line);
        // defineProperty: a key named __proto__ is then a key like any other.
        Object.defineProperty(data, name, {
          value: this.read(value, below, inside, range),
          enumerable: true,
          configurable: true,
          writable: true,
        });
      }
    }
    return data;
  }

  #place(node: Node | null, path: Path, key: Range | undefined): Place {
    const range = rangeOf(node) ?? key ?? [0, 0];
    const place: Place = {
      // A key with nothing after it: its value is where the key is.
      value: range[0] === range[1] && key !== undefined ? key : range,
      ...(key !== undefined && { key }),
      ...(isScalar(node) && node.source !== undefined && { source: node.source }),
    };
    this.#places.set(path, place);
    return place;
  }

  #refuse(path: Path, text: string): null {
    this.findings.push({ path, at: "value", text });
    return null;
  }
}

/** A key as text; one that looks like a number as the file spells it. */
function keyText(key: Scalar): string | undefined {
  return typeof key.value === "string" ? key.value : key.source || undefined;
}

function rangeOf(node: Node | null): Range | undefined {
  return node?.range ? [node.range[0], node.range[1]] : undefined;
}

function syntaxFinding(error: YAMLError): Finding {
  return { path: [], at: "key", text: syntaxText(error), range: error.pos };
}

function syntaxText(error: YAMLError): string {
  switch (error.code) {
    case "TAB_AS_INDENT":
      return "a tab cannot indent YAML; use spaces";
    case "MULTIPLE_DOCS":
      return "a config is one document; remove the line ---";
    case "BLOCK_AS_IMPLICIT_KEY":
      return 'a mapping cannot begin in the middle of a line; put text that contains ": " in quotes';
    case "MULTILINE_IMPLICIT_KEY":
      return 'expected "key: value" on one line';
    case "TAG_RESOLVE_FAILED":
      return "tags (!…) mean nothing in a config";
    case "BAD_INDENT": {
      const closing = /end with a (\S)$/.exec(error.message)?.[1];
      if (closing !== undefined) return `${closing} is missing, or what it should close is not indented`;
      break;
    }
    default:
  }
  return `not valid YAML: ${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`;
}
