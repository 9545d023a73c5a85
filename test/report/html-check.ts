/** A strict reader of HTML: everything that a browser would forgive is a problem here. */

interface Element {
  readonly tag: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly parent: Element | undefined;
  text: string;
}

export interface CheckedPage {
  readonly problems: readonly string[];
  readonly elements: readonly Element[];
}

const VOID = new Set(["meta", "br", "hr", "img", "link", "input"]);
const TOKEN =
  /<!--[\s\S]*?-->|<!DOCTYPE html>|<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+(?:="[^"<]*")?)*)\s*(\/?)>|([^<]+)|(<)/gy;
const ATTRIBUTE = /\s+([\w:-]+)(?:="([^"]*)")?/g;

export function checkHtml(page: string): CheckedPage {
  const problems: string[] = [];
  const elements: Element[] = [];
  let open: Element | undefined;
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(page); match !== null; match = TOKEN.exec(page)) {
    const [whole, closing, name, attributes, selfClosing, text, stray] = match;
    const at = `at ${match.index}: ${whole.slice(0, 60)}`;
    if (stray !== undefined) problems.push(`a bare < ${at} ${page.slice(match.index, match.index + 60)}`);
    if (text !== undefined) {
      if (open !== undefined) open.text += text;
      if (open?.tag !== "style" && /&(?!(?:amp|lt|gt|quot|#39);)/.test(text)) problems.push(`a bare & ${at}`);
    }
    if (name === undefined) continue;
    if (closing === "/") {
      if (open?.tag !== name) problems.push(`</${name}> closes <${open?.tag ?? "nothing"}> ${at}`);
      open = open?.parent;
      continue;
    }
    const element: Element = {
      tag: name,
      attributes: readAttributes(attributes ?? "", problems, at),
      parent: open,
      text: "",
    };
    elements.push(element);
    if (selfClosing === "" && !VOID.has(name)) open = element;
  }
  if (open !== undefined) problems.push(`<${open.tag}> is never closed`);
  return {
    problems: [...problems, ...checkIds(elements), ...checkHeadings(elements), ...checkTables(elements)],
    elements,
  };
}

function readAttributes(text: string, problems: string[], at: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  for (const [, name = "", value = ""] of text.matchAll(ATTRIBUTE)) {
    if (attributes.has(name)) problems.push(`${name} twice ${at}`);
    attributes.set(name, value);
  }
  return attributes;
}

/** Ids are unique, and whatever refers to one finds it. */
function checkIds(elements: readonly Element[]): readonly string[] {
  const ids = elements.flatMap((element) => element.attributes.get("id") ?? []);
  const known = new Set(ids);
  const referred = elements.flatMap((element) => [
    ...(element.attributes.get("aria-labelledby")?.split(" ") ?? []),
    ...(element.attributes.get("href")?.startsWith("#")
      ? [element.attributes.get("href")?.slice(1) ?? ""]
      : []),
  ]);
  return [
    ...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `the id ${id} is there twice`),
    ...referred.filter((id) => !known.has(id)).map((id) => `nothing has the id ${id}`),
  ];
}

/** One h1; no level is skipped on the way down. */
function checkHeadings(elements: readonly Element[]): readonly string[] {
  const levels = elements.flatMap(({ tag }) => (/^h[1-6]$/.test(tag) ? [Number(tag.slice(1))] : []));
  const jumps = levels.filter((level, i) => level > (levels[i - 1] ?? 0) + 1);
  return [
    ...(levels.filter((level) => level === 1).length === 1 ? [] : ["not one h1"]),
    ...jumps.map((level) => `an h${level} skips a level`),
  ];
}

function checkTables(elements: readonly Element[]): readonly string[] {
  return [
    ...elements
      .filter(({ tag, attributes }) => tag === "th" && !attributes.has("scope"))
      .map(() => "a th without scope"),
    ...elements
      .filter(({ tag }) => tag === "table")
      .filter((table) => !elements.some(({ tag, parent }) => tag === "caption" && parent === table))
      .map(() => "a table without caption"),
  ];
}
