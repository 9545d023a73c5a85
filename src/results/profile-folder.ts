import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { moveAside } from "./move-aside.ts";
import type { RunFolder } from "./run-folder.ts";
import { ProfileCapture, ProfileSummary } from "./schema/profile.ts";
import { diskFiles, errorCode, readStored, type Stored, storeJson, writeError } from "./stored-json.ts";

/** Profiles in a run folder: first where the profiler's deployment lies, then, whole, in the cell's `profile/`. */

/** Makes the folder of a deployment's recording, empty. */
export async function beginCapture(run: RunFolder, cell: string, deployment: number): Promise<string> {
  const { capture } = run.paths.deployment(cell, deployment);
  await moveAside(capture, diskFiles);
  return capture;
}

/** Writes capture.json, which says that the recording is whole; its files must be there before. */
export function finishCapture(run: RunFolder, capture: ProfileCapture): Promise<void> {
  return storeJson(capturePath(run, capture.cell, capture.deployment), ProfileCapture.parse(capture));
}

export function readCapture(
  run: RunFolder,
  cell: string,
  deployment: number,
): Promise<Stored<ProfileCapture>> {
  return readStored(capturePath(run, cell, deployment), ProfileCapture);
}

export function readProfile(run: RunFolder, cell: string): Promise<Stored<ProfileSummary>> {
  return readStored(run.paths.profile(cell).summary, ProfileSummary);
}

/**
 * Moves a recording's files to the cell's profile and writes its summary.json, which says that it is whole. An older
 * profile moves to `attempt-<n>/`. Cut short and run again, it ends in the same state.
 */
export async function publishProfile(run: RunFolder, summary: ProfileSummary): Promise<void> {
  const { folder, summary: path } = run.paths.profile(summary.cell);
  const { capture } = run.paths.deployment(summary.cell, summary.deployment);
  const waiting = await Promise.all(summary.files.map(({ name }) => isThere(join(capture, name))));
  // Some have moved already: an earlier try was cut short, and what is there is of this recording.
  if (waiting.every(Boolean)) await moveAside(folder, diskFiles);
  for (const [index, { name }] of summary.files.entries()) {
    if (waiting[index] !== true) continue;
    await diskFiles.rename(join(capture, name), join(folder, name)).catch((error: unknown) => {
      throw writeError(error, join(folder, name));
    });
  }
  await storeJson(path, ProfileSummary.parse(summary));
}

/**
 * Writes a file as it streams in, whole or not at all; resolves to its size in bytes. Throws RUN_FOLDER_FULL or
 * RUN_FOLDER_UNWRITABLE, and what `write` throws.
 */
export async function storeStream(path: string, write: (sink: Writable) => Promise<void>): Promise<number> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  const sink = createWriteStream(temporary, { flags: "wx" });
  const failed = new Promise<never>((_, reject) => {
    sink.once("error", (error) => reject(writeError(error, path)));
  });
  const written = async () => {
    await write(sink);
    await new Promise<void>((resolve) => sink.end(resolve));
    await diskFiles.rename(temporary, path);
    return (await stat(path)).size;
  };
  try {
    return await Promise.race([written(), failed]);
  } catch (error) {
    sink.destroy();
    await diskFiles.remove(temporary).catch(() => undefined);
    throw errorCode(error)?.startsWith("E") === true ? writeError(error, path) : error;
  }
}

function capturePath(run: RunFolder, cell: string, deployment: number): string {
  return join(run.paths.deployment(cell, deployment).capture, "capture.json");
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
