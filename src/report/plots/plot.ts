import type { TopLevelSpec } from "vega-lite";
import type { Results } from "../../results/schema/results.ts";
import type { Table } from "../table.ts";
import type { Palette } from "./palette.ts";

/** One drawing of a plot: small enough for a phone, several side by side on a desk. */
export interface Panel {
  readonly title: string;
  /** What it shows, for who cannot see it. */
  readonly description: string;
  readonly spec: TopLevelSpec;
}

export interface LegendItem {
  readonly name: string;
  readonly color: string;
  /** Path of the mark in a box from -1 to 1. */
  readonly shape: string;
  /** Its colour may be hard to see on the surface. */
  readonly outlined?: boolean;
}

/** A plot with the table of what it draws. */
export interface Plot {
  /** Stable, a good file name. */
  readonly id: string;
  readonly title: string;
  /** How to read it, in a sentence or two. */
  readonly caption: string;
  readonly legend: readonly LegendItem[];
  readonly panels: readonly Panel[];
  readonly table: Table;
}

/** Makes a plot where the results have what it needs. */
export type PlotMaker = (results: Results, palette: Palette) => Plot | undefined;
