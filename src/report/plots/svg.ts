import type { TopLevelSpec } from "vega-lite";
import type { Palette } from "./palette.ts";

export const PANEL_WIDTH = 440;
export const FONT_SIZE = 11.5;
/** Average width of a character of a system sans-serif, in shares of the font size. */
const CHARACTER_WIDTH = 0.56;

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

export function estimateWidth(text: string, fontSize: number): number {
  return Math.ceil(text.length * fontSize * CHARACTER_WIDTH);
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
