/**
 * Colours of everything that is drawn. The page refers to them as CSS variables, so that one SVG serves light and
 * dark; PNG takes the light values. Series follow Okabe and Ito's colour-blind-safe set, darkened or lightened
 * until each has a contrast of 3:1 against its surface; each also has a shape of its own.
 */
export interface Palette {
  readonly surface: string;
  readonly ink: string;
  readonly muted: string;
  readonly grid: string;
  readonly axis: string;
  readonly series: readonly string[];
  /** From nothing to much, and the colour of text upon each. */
  readonly heat: readonly string[];
  readonly heatInk: readonly string[];
  /** Phases of a start, in their order. */
  readonly phases: readonly string[];
}

export const LIGHT: Palette = {
  surface: "#ffffff",
  ink: "#16202a",
  muted: "#55616e",
  grid: "#e6eaee",
  axis: "#b9c2cb",
  series: ["#0072b2", "#d55e00", "#00835f", "#b0559a", "#9a6a00", "#3d8fc4", "#6b6b6b", "#7a4bb5"],
  heat: ["#eef6fb", "#cfe4f2", "#fde3c4", "#fabf80", "#ec8a3c", "#b8490b"],
  heatInk: ["#16202a", "#16202a", "#16202a", "#16202a", "#16202a", "#ffffff"],
  phases: ["#8c99a6", "#56b4e9", "#e69f00", "#0072b2", "#009e73", "#cc79a7"],
};

export const DARK: Palette = {
  surface: "#14191f",
  ink: "#e8edf2",
  muted: "#9fabb8",
  grid: "#27303a",
  axis: "#45525f",
  series: ["#56aee8", "#f08a45", "#2fc299", "#dc8ac5", "#e0ae3a", "#8fd0f5", "#b3b3b3", "#b796ea"],
  heat: ["#1b2a36", "#21415a", "#4d3a24", "#7a4c1c", "#a2561a", "#f0924a"],
  heatInk: ["#e8edf2", "#e8edf2", "#e8edf2", "#e8edf2", "#ffffff", "#14191f"],
  phases: ["#7c8996", "#56b4e9", "#e6a92b", "#2f86c8", "#23b08a", "#d68ab5"],
};

/** The palette as references to the page's CSS variables. */
export const CSS_PALETTE: Palette = mapPalette(LIGHT, (name) => `var(--${name})`);

/** Declarations of the CSS variables: `--ink:#16202a;--series-0:#0072b2;…`. */
export function cssVariables(palette: Palette): string {
  const lines: string[] = [];
  mapPalette(palette, (name, value) => {
    lines.push(`--${name}:${value}`);
    return value;
  });
  return `${lines.join(";")};`;
}

function mapPalette(palette: Palette, map: (name: string, value: string) => string): Palette {
  const list = (name: string, values: readonly string[]) =>
    values.map((value, i) => map(`${name}-${i}`, value));
  return {
    surface: map("surface", palette.surface),
    ink: map("ink", palette.ink),
    muted: map("muted", palette.muted),
    grid: map("grid", palette.grid),
    axis: map("axis", palette.axis),
    series: list("series", palette.series),
    heat: list("heat", palette.heat),
    heatInk: list("heat-ink", palette.heatInk),
    phases: list("phase", palette.phases),
  };
}

/** Marks in a box from -1 to 1, as vega and the legends draw them. */
const SHAPES = [
  "M-0.9,0A0.9,0.9,0,1,0,0.9,0A0.9,0.9,0,1,0,-0.9,0Z",
  "M-0.8,-0.8H0.8V0.8H-0.8Z",
  "M0,-1L1,0.8H-1Z",
  "M0,-1.1L1.1,0L0,1.1L-1.1,0Z",
  "M0,1L1,-0.8H-1Z",
  "M-0.35,-1H0.35V-0.35H1V0.35H0.35V1H-0.35V0.35H-1V-0.35H-0.35Z",
] as const;

const DASHES = [
  [1, 0],
  [6, 3],
  [2, 2],
  [8, 3, 2, 3],
] as const;

/** How one variant looks, by its place in the run. */
export interface SeriesStyle {
  readonly color: string;
  readonly shape: string;
  readonly dash: readonly number[];
}

export function seriesStyle(palette: Palette, index: number): SeriesStyle {
  const colors = palette.series;
  return {
    color: colors[index % colors.length] ?? palette.ink,
    shape: SHAPES[index % SHAPES.length] ?? SHAPES[0],
    // More variants than colours: the second round is dashed.
    dash: DASHES[Math.floor(index / colors.length) % DASHES.length] ?? [1, 0],
  };
}
