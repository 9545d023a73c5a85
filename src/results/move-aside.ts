import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Files, writeError } from "./stored-json.ts";

const ATTEMPT = /^attempt-(\d+)$/;

/**
 * Makes a folder, or empties it for another try: what an earlier one left there moves to `attempt-<n>/` in it. Resolves to
 * how many tries there were. Throws RUN_FOLDER_FULL or RUN_FOLDER_UNWRITABLE.
 */
export async function moveAside(path: string, files: Files): Promise<number> {
  await makeFolder(path, files);
  const entries = await readdir(path);
  const left = entries.filter((name) => !ATTEMPT.test(name) && !name.endsWith(".tmp"));
  const before = Math.max(0, ...entries.map((name) => Number(ATTEMPT.exec(name)?.[1] ?? 0)));
  if (left.length === 0) return before;
  const attempt = before + 1;
  const folder = join(path, `attempt-${attempt}`);
  await makeFolder(folder, files);
  // The summary goes first: a crash in between must not leave one that says that its files are whole.
  left.sort((a, b) => Number(b === "summary.json") - Number(a === "summary.json"));
  for (const name of left) {
    await files.rename(join(path, name), join(folder, name)).catch((error: unknown) => {
      throw writeError(error, join(folder, name));
    });
  }
  return attempt;
}

async function makeFolder(path: string, files: Files): Promise<void> {
  await files.mkdir(path).catch((error: unknown) => {
    throw writeError(error, path);
  });
}
