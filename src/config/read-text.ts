import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { nearest } from "./nearest.ts";

const MOST_BYTES = 1_000_000;

/** The text of a config file. Throws CONFIG_NOT_FOUND or CONFIG_UNREADABLE. */
export async function readConfigText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MOST_BYTES)
      throw unreadable(
        file,
        `is ${(size / 1e6).toFixed(1)} MB large, which no config is`,
        "Is it the right file?",
      );
    return decode(file, await readFile(file));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") throw await notFound(file);
    if (code === "EISDIR") throw unreadable(file, "is a folder", "Give a config file in it.");
    if (code === "EACCES")
      throw unreadable(file, "may not be read by you", "Look at its permissions: ls -l.");
    throw error;
  }
}

function decode(file: string, bytes: Buffer): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    throw unreadable(file, "is UTF-16", "Save it as UTF-8.");
  const zero = bytes.indexOf(0);
  if (zero !== -1) throw unreadable(file, `is not text: byte ${zero + 1} is zero`, "Give a YAML file.");
  try {
    // A byte order mark is dropped by the decoder.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw unreadable(file, "is not UTF-8", "Save it as UTF-8.");
  }
}

function unreadable(file: string, why: string, hint: string): LlmbenchError {
  return new LlmbenchError("CONFIG_UNREADABLE", `${file} ${why}.`, { exitStatus: ExitStatus.usage, hint });
}

async function notFound(file: string): Promise<LlmbenchError> {
  const folder = dirname(file);
  const names = await readdir(folder).catch(() => []);
  const configs = names.filter((name) => /\.ya?ml$/.test(name));
  const near =
    nearest(basename(file), configs) ?? configs.find((name) => name.startsWith(`${basename(file)}.`));
  return new LlmbenchError("CONFIG_NOT_FOUND", `There is no file ${file}.`, {
    exitStatus: ExitStatus.usage,
    hint:
      near === undefined
        ? "llmbench init prints a config to start from."
        : `Did you mean ${join(folder, near)}?`,
  });
}
