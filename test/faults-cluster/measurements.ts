import { type Dirent, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "../../src/config/plan.ts";
import { MeasurementSummary } from "../../src/results/schema/summary.ts";
import { isFinished } from "../../src/results/verdict.ts";

/** A finished measurement, and by what one knows that it is the very same later. */
export interface Measurement {
  readonly id: string;
  readonly cell: string;
  readonly deployment: number;
  readonly instance: string;
  /** Inode and time of last change of its two files: a file that was made again has others. */
  readonly files: readonly string[];
}

/** What a run has finished, by `cell/point/repetition`: read from its folder as a user finds it. */
export function finishedMeasurements(folder: string, plan: Plan): ReadonlyMap<string, Measurement> {
  const found = new Map<string, Measurement>();
  for (const { id: cell } of plan.cells) {
    const points = join(folder, "cells", cell, "points");
    for (const point of folders(points)) {
      for (const repetition of folders(join(points, point)).filter((name) => /^\d+$/.test(name))) {
        const place = join(points, point, repetition);
        const path = join(place, "summary.json");
        if (!existsSync(path)) continue;
        const summary = MeasurementSummary.parse(JSON.parse(readFileSync(path, "utf8")));
        if (!isFinished(summary, plan.failOn)) continue;
        const { deployment, instance } = summary;
        const files = [path, join(place, "requests.ndjson.gz")].map(identityOf);
        const id = `${cell}/${point}/${repetition}`;
        found.set(id, { id, cell, deployment, instance, files });
      }
    }
  }
  return found;
}

function identityOf(path: string): string {
  const { ino, mtimeNs } = statSync(path, { bigint: true });
  return `${ino} ${mtimeNs}`;
}

function folders(path: string): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry: Dirent) => entry.isDirectory())
    .map(({ name }) => name);
}
