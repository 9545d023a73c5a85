/** Text as a terminal shows it: columns, not code units. */

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

// East Asian wide and fullwidth blocks, and emoji that are drawn two columns wide (Unicode UAX #11, by block).
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]|^\p{Emoji_Presentation}/u;
const ZERO = /^[\p{Mark}\u200b-\u200f\ufeff]+$/u;

function graphemes(text: string): readonly string[] {
  return Array.from(segmenter.segment(text), (part) => part.segment);
}

function graphemeWidth(grapheme: string): number {
  if (ZERO.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}

/** Columns that `text` takes; it holds no control characters (see `printable`). */
export function displayWidth(text: string): number {
  return graphemes(text).reduce((sum, grapheme) => sum + graphemeWidth(grapheme), 0);
}

/** Without control characters, so that a name or a server's message cannot steer the terminal. Line ends become spaces. */
export function printable(text: string): string {
  return text.replace(/\s*[\r\n\t]\s*/g, " ").replace(STEERING, "");
}

// Control characters, and those that turn the direction of writing.
const STEERING = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** Fits `text` into `width` columns with an ellipsis in the middle: both ends of a name tell variants apart. */
export function shorten(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  if (width <= 0) return "";
  const parts = graphemes(text);
  const room = width - 1;
  const head = take(parts, Math.ceil(room / 2)).join("");
  const tail = take(parts.toReversed(), room - displayWidth(head))
    .reverse()
    .join("");
  return `${head}…${tail}`;
}

/** As many graphemes from the front as fit. */
function take(parts: readonly string[], width: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const part of parts) {
    used += graphemeWidth(part);
    if (used > width) break;
    taken.push(part);
  }
  return taken;
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}

export function padStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - displayWidth(text))) + text;
}

/**
 * Breaks at spaces into lines of at most `width` columns; a longer word is cut. Leading spaces indent the first
 * line, `indent` those after it.
 */
export function wrap(text: string, width: number, indent = 0): readonly string[] {
  const body = text.trimStart();
  const lines: string[] = [];
  let line = " ".repeat(text.length - body.length);
  let empty = true;
  for (const word of body.split(" ").flatMap((part) => cut(part, Math.max(1, width - indent)))) {
    const joined = empty ? line + word : `${line} ${word}`;
    if (empty || displayWidth(joined) <= width) line = joined;
    else {
      lines.push(line);
      line = " ".repeat(indent) + word;
    }
    empty = false;
  }
  return [...lines, line];
}

function cut(word: string, width: number): readonly string[] {
  if (displayWidth(word) <= width) return [word];
  const pieces: string[] = [];
  let piece = "";
  for (const grapheme of graphemes(word)) {
    if (displayWidth(piece) + graphemeWidth(grapheme) > width) {
      pieces.push(piece);
      piece = "";
    }
    piece += grapheme;
  }
  return [...pieces, piece];
}
