import { mkdir, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Results } from "../results/schema/results.ts";
import { writeError } from "../results/stored-json.ts";
import { renderHtml } from "./render-html.ts";

/**
 * Writes `report/index.html` into the run folder, whole or not at all; resolves to its path. Rejects with
 * RUN_FOLDER_FULL or RUN_FOLDER_UNWRITABLE.
 */
export async function writeReport(results: Results, runFolder: string): Promise<string> {
  const folder = join(runFolder, "report");
  const path = join(folder, "index.html");
  const page = await renderHtml(results);
  // A name of its own a process: two that write at once must not tear each other's file.
  const unfinished = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(unfinished, page);
    await rename(unfinished, path);
  } catch (error) {
    await unlink(unfinished).catch(() => undefined);
    throw writeError(error, path);
  }
  return path;
}
