import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { onDisk } from "./folder-error.ts";

/** What a model's folder says of itself: where it comes from. Written last, so a folder that has it was once whole. */
export const ModelRecord = z.object({
  schemaVersion: z.literal(1),
  repo: z.string(),
  /** As it was asked for. */
  revision: z.string(),
  commit: z.string(),
  endpoint: z.string(),
  fetchedAt: z.string(),
  llmbenchVersion: z.string(),
  files: z.array(
    z.object({
      path: z.string(),
      size: z.number(),
      sha256: z.string(),
      /** Its time of change when its bytes were last right. */
      mtimeMs: z.number().optional(),
    }),
  ),
});
export type ModelRecord = z.infer<typeof ModelRecord>;
export type RecordedFile = ModelRecord["files"][number];

const sumsName = "SHA256SUMS";
const recordName = "llmbench-model.json";
/** Holds what is not whole yet, and the lock. Hidden, so that no engine takes it for a part of the model. */
export const partialsName = ".llmbench-partial";
export const ownFiles: readonly string[] = [sumsName, recordName];

/** The record of a folder; undefined where there is none that can be read. */
export async function readModelRecord(folder: string): Promise<ModelRecord | undefined> {
  return parseRecord(await readOrUndefined(join(folder, recordName)));
}

/** Takes record and sums away, since what they say is about to end; what is left of an earlier model is remembered. */
export async function retireModelRecord(folder: string, partials: string): Promise<void> {
  await onDisk(folder, async () => {
    await rename(join(folder, recordName), join(partials, recordName));
    await rm(join(folder, sumsName), { force: true });
  });
}

/** Files that an earlier commit put into the folder, if an update of it is under way. */
export async function readRetiredFiles(partials: string): Promise<readonly RecordedFile[]> {
  return parseRecord(await readOrUndefined(join(partials, recordName)))?.files ?? [];
}

/** Writes the sums in the form of `sha256sum`, then the record. */
export async function writeModelRecord(folder: string, partials: string, record: ModelRecord): Promise<void> {
  const sums = record.files.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join("");
  await replace(folder, partials, sumsName, sums);
  await replace(folder, partials, recordName, `${JSON.stringify(record, null, 2)}\n`);
}

/** The lines of SHA256SUMS, or undefined where there is no such file. A line that is none is given as it is. */
export async function readSums(
  folder: string,
): Promise<{ readonly files: { path: string; sha256: string }[]; readonly wrong: string[] } | undefined> {
  const text = await readOrUndefined(join(folder, sumsName));
  if (text === undefined) return undefined;
  const files: { path: string; sha256: string }[] = [];
  const wrong: string[] = [];
  for (const line of text.split("\n").filter((one) => one.trim() !== "")) {
    const [, sha256, path] = /^([0-9a-f]{64}) [ *](.+?)\r?$/i.exec(line) ?? [];
    if (sha256 === undefined || path === undefined) wrong.push(line);
    else files.push({ path: path.replace(/^\.\//, ""), sha256: sha256.toLowerCase() });
  }
  return { files, wrong };
}

async function replace(folder: string, partials: string, name: string, text: string): Promise<void> {
  const temporary = join(partials, `${name}.new`);
  await onDisk(folder, async () => {
    await writeFile(temporary, text, { flush: true, mode: 0o644 });
    await rename(temporary, join(folder, name));
  });
}

async function readOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function parseRecord(text: string | undefined): ModelRecord | undefined {
  if (text === undefined) return undefined;
  try {
    return ModelRecord.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
