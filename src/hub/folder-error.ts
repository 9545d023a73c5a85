import { LlmbenchError } from "../error.ts";

/** Argo's containers have no umask: without this, anybody who mounts the share could change a model. */
export const folderMode = 0o775;

/** Does something with the disk; what fails there is told in terms of the folder. */
export async function onDisk<T>(folder: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw folderError(error, folder);
  }
}

/** What a failure of the disk means to a person: MODEL_FOLDER_FULL, _READ_ONLY, _UNWRITABLE, _FAILED. */
export function folderError(error: unknown, folder: string): unknown {
  if (error instanceof LlmbenchError || !(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined || error.name === "AbortError") return error;
  const options = { cause: error, details: [error.message] };
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return fullError(folder, `No space is left in ${folder}.`, options);
    case "EFBIG":
      return new LlmbenchError("MODEL_FOLDER_FAILED", `${folder} takes no file of that size.`, {
        ...options,
        hint: "Raise the limit (ulimit -f), or use a file system with large files.",
      });
    case "EROFS":
      return new LlmbenchError("MODEL_FOLDER_READ_ONLY", `${folder} is mounted read-only.`, {
        ...options,
        hint: "Fetch from where it can be written: the workflow of models, or the file server. If this is that workflow, the claim, the export or an option of the mount says read-only.",
      });
    case "EACCES":
    case "EPERM":
      return new LlmbenchError("MODEL_FOLDER_UNWRITABLE", `You may not write to ${folder}.`, {
        ...options,
        hint: `Its owner must let user ${process.getuid?.() ?? "?"}, group ${process.getgid?.() ?? "?"} write there; an NFS server may map root to nobody.`,
      });
    default:
      return new LlmbenchError("MODEL_FOLDER_FAILED", `${folder} cannot be written: ${error.message}`, {
        ...options,
        details: [],
        hint: "Check the share. What was fetched is kept: the same command goes on from there.",
      });
  }
}

/** The same whether it was foreseen or found out. */
export function fullError(
  folder: string,
  message: string,
  options: { cause?: unknown; details?: readonly string[] } = {},
): LlmbenchError {
  return new LlmbenchError("MODEL_FOLDER_FULL", message, {
    ...options,
    hint: `Free some space or enlarge the share, then call the same command again: it goes on where it stopped. Half a model in ${folder}/.llmbench-partial also counts; delete that folder to give it up.`,
  });
}
