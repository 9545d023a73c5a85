import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { z } from "zod";
import { LlmbenchError } from "../error.ts";

/** The calls that write; tests put a full disk in their place. */
export interface Files {
  mkdir(path: string): Promise<void>;
  /** Writes a new file and waits until it is on the disk. */
  writeNew(path: string, content: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Waits until the entries of a folder are on the disk, where the file system can. */
  syncFolder(path: string): Promise<void>;
}

export const diskFiles: Files = {
  mkdir: async (path) => void (await mkdir(path, { recursive: true })),
  writeNew: async (path, content) => {
    const file = await open(path, "wx");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename,
  remove: unlink,
  syncFolder: async (path) => {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } catch {
      // Some network file systems cannot sync a folder; the rename itself is still atomic.
    } finally {
      await folder.close();
    }
  },
};

/**
 * Writes JSON so that a reader finds the old file or the whole new one, never a part: a temporary name beside it, then
 * a rename. Throws LlmbenchError RUN_FOLDER_FULL or RUN_FOLDER_UNWRITABLE.
 */
export async function storeJson(path: string, value: unknown, files: Files = diskFiles): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    await files.mkdir(dirname(path));
    await files.writeNew(temporary, `${JSON.stringify(value, null, 2)}\n`);
    await files.rename(temporary, path);
    await files.syncFolder(dirname(path));
  } catch (error) {
    await files.remove(temporary).catch(() => undefined);
    throw writeError(error, path);
  }
}

/** What a failed write to a run folder means to a person. `path`: the file or folder that was to be written. */
export function writeError(error: unknown, path: string): LlmbenchError {
  if (error instanceof LlmbenchError) return error;
  const code = errorCode(error);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new LlmbenchError("RUN_FOLDER_FULL", `No space is left to write ${path}.`, {
      hint: "Free some space, or enlarge the share, and go on with `llmbench run --resume` (a workflow: `argo retry`), or start anew on another disk with --out; what was measured before is kept.",
      cause: error,
    });
  }
  const why = error instanceof Error ? error.message : String(error);
  return new LlmbenchError("RUN_FOLDER_UNWRITABLE", `Cannot write ${path}: ${why}`, {
    hint: hintFor(code),
    cause: error,
  });
}

function hintFor(code: string | undefined): string {
  switch (code) {
    case "EACCES":
    case "EPERM":
      return "Give yourself the right to write there (a workflow: its share must be writable for the user cluster.steps.uid, then `argo retry`), or choose another folder with --out.";
    case "EROFS":
      return "Its file system is mounted read-only, or became so after an error: see the disk or the share's server, mount it for writing, and go on with `llmbench run --resume` (a workflow: `argo retry`); what was measured before is kept.";
    case "EFBIG":
      return "A limit on the size of files was reached: raise it (ulimit -f) and go on with `llmbench run --resume`; what was measured before is kept.";
    default:
      return "Choose another folder with --out.";
  }
}

/** What was found in place of a file that should be there. */
export type Stored<T> =
  | { readonly found: true; readonly value: T }
  | { readonly found: false; readonly missing: boolean; readonly why: string };

/** Reads and checks one JSON file. Never throws: a bad file is named by its reader, and the others still read. */
export async function readStored<T>(path: string, schema: z.ZodType<T>): Promise<Stored<T>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const missing = errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR";
    return {
      found: false,
      missing,
      why: missing ? "is missing" : `cannot be read: ${(error as Error).message}`,
    };
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { found: false, missing: false, why: "is cut short or no JSON" };
  }
  const version = (json as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === "number" && version > 1) {
    return {
      found: false,
      missing: false,
      why: `was written by a newer llmbench (schema version ${version})`,
    };
  }
  const parsed = parseTolerant(schema, json);
  if (parsed.success) return { found: true, value: parsed.data };
  const issue = parsed.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.join(".")}`;
  return {
    found: false,
    missing: false,
    why: `is not what it should be${where}: ${issue?.message ?? "invalid"}`,
  };
}

/**
 * Fields are only ever added, so a newer llmbench's file of the same version may have some that this one does not
 * know: they are dropped. Anything else that does not fit is an error.
 */
function parseTolerant<T>(schema: z.ZodType<T>, json: unknown): z.ZodSafeParseResult<T> {
  const strict = schema.safeParse(json);
  if (strict.success || strict.error.issues.some((issue) => issue.code !== "unrecognized_keys"))
    return strict;
  for (const issue of strict.error.issues) {
    if (issue.code !== "unrecognized_keys") continue;
    let parent = json as Record<PropertyKey, unknown>;
    for (const key of issue.path) parent = parent[key] as Record<PropertyKey, unknown>;
    for (const key of issue.keys) delete parent[key];
  }
  return schema.safeParse(json);
}

export function errorCode(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}
