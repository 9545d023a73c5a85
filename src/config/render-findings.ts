import { type Finding, formatPath } from "./finding.ts";
import { maskLine } from "./secrets.ts";
import type { YamlDocument } from "./yaml-document.ts";

/**
 * Findings as a compiler shows them, by line: `file:line:col path: what is wrong`, then the line and a caret.
 * Values of secrets in the line are blotted out. Three lines for each finding.
 */
export function renderFindings(
  findings: readonly Finding[],
  file: string,
  text: string,
  { lines, places }: Pick<YamlDocument, "lines" | "places">,
): string[][] {
  const sourceLines = text.split(/\r?\n/);
  const seen = new Set<string>();
  return (
    findings
      .map((finding) => {
        const [from, to] = finding.range ?? places.range(finding.path, finding.at);
        return { finding, length: to - from, ...position(lines, from) };
      })
      // What is wrong at an anchor is found again at each of its aliases.
      .filter(({ finding, line, col }) => {
        const once = `${line}:${col} ${finding.text}`;
        return !seen.has(once) && seen.add(once);
      })
      .sort((a, b) => a.line - b.line || a.col - b.col)
      .map(({ finding, line, col, length }) => {
        const path = formatPath(finding.path);
        const source = maskLine(sourceLines[line - 1] ?? "").replaceAll("\t", " ");
        const gutter = String(line);
        const carets = "^".repeat(Math.max(1, Math.min(length, source.trimEnd().length - col + 1)));
        return [
          `${file}:${line}:${col} ${path === "" ? "" : `${path}: `}${finding.text}`,
          `  ${gutter} | ${source}`.trimEnd(),
          `  ${" ".repeat(gutter.length)} | ${" ".repeat(col - 1)}${carets}`,
        ];
      })
  );
}

function position(lines: YamlDocument["lines"], offset: number): { line: number; col: number } {
  const { line, col } = lines.linePos(offset);
  // An empty file has no line that LineCounter knows.
  return { line: Math.max(1, line), col: Math.max(1, col) };
}
