import { readdir, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { LlmbenchError } from "../error.ts";
import { partialPath } from "./bring-file.ts";
import { type ChosenFile, withChecksums } from "./choose-files.ts";
import { fullError, onDisk } from "./folder-error.ts";
import { inBytes } from "./meter.ts";
import {
  type ModelRecord,
  ownFiles,
  partialsName,
  type RecordedFile,
  readModelRecord,
  readRetiredFiles,
  retireModelRecord,
  writeModelRecord,
} from "./model-record.ts";
import type { RepositoryFile } from "./repository.ts";

/** What a folder shall hold. */
export interface PreparedFolder {
  readonly chosen: readonly ChosenFile[];
  /** Files of this very commit that an earlier call found right, by path. */
  readonly known: ReadonlyMap<string, RecordedFile>;
}

/**
 * Makes a folder ready for a commit and says which files it shall hold: those wanted, and what an earlier call fetched
 * of the same commit. The record of another commit is taken away, since a folder says that it is whole only while it
 * is. Throws MODEL_FOLDER_OTHER where the folder holds another model.
 */
export async function prepareFolder(
  folder: string,
  model: {
    readonly repo: string;
    readonly commit: string;
    readonly files: readonly RepositoryFile[];
    readonly wanted: readonly ChosenFile[];
  },
): Promise<PreparedFolder> {
  const { repo, commit, files, wanted } = model;
  const before = await readModelRecord(folder);
  if (before === undefined) return { chosen: wanted, known: new Map() };
  if (before.repo !== repo) {
    throw new LlmbenchError("MODEL_FOLDER_OTHER", `${folder} holds ${before.repo}.`, {
      hint: `Give ${repo} a folder of its own, or delete this one first.`,
    });
  }
  if (before.commit !== commit) {
    await retireModelRecord(folder, join(folder, partialsName));
    return { chosen: wanted, known: new Map() };
  }
  const kept = files.filter(
    ({ path }) =>
      before.files.some((file) => file.path === path) && !wanted.some((file) => file.path === path),
  );
  return {
    chosen: [...wanted, ...withChecksums(kept, repo)],
    known: new Map(before.files.map((file) => [file.path, file])),
  };
}

/** Throws MODEL_FOLDER_FULL where what is still to come does not fit. */
export async function checkSpace(folder: string, chosen: readonly ChosenFile[]): Promise<void> {
  let needed = 0;
  for (const file of chosen) {
    if ((await sizeOf(join(folder, file.path))) === file.size) continue;
    const begun = await sizeOf(partialPath(join(folder, partialsName), file));
    needed += file.size - Math.min(file.size, begun);
  }
  const { bavail, bsize, blocks } = await onDisk(folder, () => statfs(folder));
  const free = bavail * bsize;
  if (blocks === 0 || free >= needed) return; // some file servers do not say
  throw fullError(folder, `${inBytes(needed)} are still to come, and ${folder} has ${inBytes(free)} free.`);
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/** Says that the model is whole, and clears away what is left: parts, and files of an earlier commit. */
export async function finishFolder(
  folder: string,
  record: ModelRecord,
  report: (line: string) => void,
): Promise<void> {
  const partials = join(folder, partialsName);
  const wanted = new Set([...record.files.map(({ path }) => path), ...ownFiles]);
  const retired = (await readRetiredFiles(partials)).filter(({ path }) => !wanted.has(path));
  for (const { path } of retired) {
    await onDisk(folder, () => rm(join(folder, path), { force: true }));
    report(`removed ${path}, which this commit does not have`);
  }
  await writeModelRecord(folder, partials, record);
  await onDisk(folder, async () => {
    for (const name of await readdir(partials)) {
      if (name !== "lock") await rm(join(partials, name), { recursive: true, force: true });
    }
  });
}
