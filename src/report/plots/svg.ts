import type { TopLevelSpec } from "vega-lite";
import type { Palette } from "./palette.ts";

export const PANEL_WIDTH = 440;
export const FONT_SIZE = 11.5;
/** Widths in shares of the font size, of DejaVu Sans: the widest of the sans-serifs that a page may be shown in. */
const CHARACTER_WIDTHS: readonly (readonly [RegExp, number])[] = [
  [/[ijl'|]/, 0.28],
  [/[ft.,:;!·()[\]/\\ -]/, 0.38],
  [/[mwMW%@…]/, 0.96],
  [/[A-Z&+=<>~]/, 0.84],
  // Chinese, Japanese, Korean, and what else takes two columns.
  [/[\u2e80-\uffff\u{10000}-\u{3ffff}]/u, 1],
];
const OTHER_WIDTH = 0.62;

/** vega's own seam for measuring text; its typings leave it out. */
interface TextMetrics {
  textMetrics: { width: (item: { fontSize?: number }, text: unknown) => number };
}

/**
 * Draws a specification as SVG: the same one gives the same bytes, whatever fonts or canvas the machine has.
 * vega is imported here and nowhere else: it is heavy, and only reports need it.
 */
export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const [vega, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  (vega as unknown as TextMetrics).textMetrics.width = (item, text) =>
    estimateWidth(String(text), item.fontSize ?? 11);
  const view = new vega.View(vega.parse(compile(spec).spec), { renderer: "none", logLevel: vega.Error });
  try {
    return cleanSvg(await view.toSVG());
  } finally {
    view.finalize();
  }
}

/** Width in pixels, not less than what is drawn: a label must not begin outside its plot. */
export function estimateWidth(text: string, fontSize: number): number {
  let width = 0;
  for (const character of text) {
    width += CHARACTER_WIDTHS.find(([pattern]) => pattern.test(character))?.[1] ?? OTHER_WIDTH;
  }
  return Math.ceil(width * fontSize);
}

/** Leaves out what draws nothing: empty frames, hidden labels, defaults. About half of vega's output. */
function cleanSvg(svg: string): string {
  return (
    svg
      .replace(/<path class="(?:background|foreground)"[^>]*\bd=""[^>]*\/>/g, "")
      .replace(/<path class="background"[^>]*\bd="M0,0h0v0h0Z"[^>]*\/>/g, "")
      .replace(/<path class="background" d="[^"]*"\/>/g, "")
      .replace(/<text\b[^>]*\bopacity="0"[^>]*>[^<]*<\/text>/g, "")
      .replace(/<text\b[^>]*\/>/g, "")
      .replace(
        / (?:pointer-events="none"|opacity="1"|stroke-width="1"|font-family="[^"]*"|aria-hidden="true"|aria-roledescription="[^"]*"|role="[^"]*"|class="[^"]*"|xmlns:xlink="[^"]*"|version="1.1")/g,
        "",
      )
      // Coordinates need no more than hundredths of a pixel; text is left alone.
      .replace(/ (?:d|transform|x2|y2)="[^"]*"/g, (attribute) =>
        attribute.replace(/-?\d+\.\d{3,}/g, (digits) => String(Number(Number(digits).toFixed(2)))),
      )
  );
}

/** What all panels share. Panels have no legends and no titles of their own: the page and PNG draw these. */
export function panelConfig(palette: Palette): NonNullable<TopLevelSpec["config"]> {
  return {
    aria: false,
    background: "transparent",
    font: "Inter, sans-serif",
    padding: 2,
    view: { stroke: null },
    axis: {
      labelColor: palette.muted,
      titleColor: palette.muted,
      gridColor: palette.grid,
      domainColor: palette.axis,
      tickColor: palette.axis,
      labelFontSize: FONT_SIZE,
      titleFontSize: FONT_SIZE,
      titleFontWeight: 400,
      titlePadding: 8,
      labelPadding: 5,
      tickSize: 4,
      labelLimit: 190,
    },
    axisY: { domain: false, ticks: false },
    axisX: { grid: false },
    text: { color: palette.ink, fontSize: FONT_SIZE },
  };
}

/** An expression that names position `i` of an axis with `names[i]`. */
export function labelsByPosition(positions: readonly number[], names: readonly string[]): string {
  const pairs = positions.map((position, i) => [String(position), names[i] ?? ""]);
  return `${JSON.stringify(Object.fromEntries(pairs))}[datum.value]`;
}

/** Axes of a plot with a row for each name: values across from `least` to `most`, the middle of row `i` at y = i + 0.5. */
export function rowAxes(names: readonly string[], [least, most]: readonly [number, number]) {
  const positions = names.map((_, i) => i + 0.5);
  const reach: number[] = [least, most];
  const span: number[] = [0, names.length];
  return {
    x: {
      type: "quantitative",
      title: null,
      scale: { domain: reach, nice: true, zero: false, padding: 8 },
      axis: { grid: true, tickCount: 5, format: "~r" },
    },
    y: {
      field: "y",
      type: "quantitative",
      title: null,
      scale: { domain: span, reverse: true, nice: false },
      axis: { values: positions, labelExpr: labelsByPosition(positions, names), grid: false },
    },
  } as const;
}
