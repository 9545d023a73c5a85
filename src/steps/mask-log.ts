import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { errorCode, writeError } from "../results/stored-json.ts";

/**
 * Blots secrets out of the log of a server that is gone, line by line; a log without any is left as it is. Throws
 * RUN_FOLDER_FULL or RUN_FOLDER_UNWRITABLE.
 */
export async function maskLog(path: string, mask: (text: string) => string): Promise<void> {
  const masked = `${path}.tmp`;
  try {
    if (!(await holdsSecret(path, mask))) return;
    await pipeline(maskedLines(path, mask), createWriteStream(masked));
    await rename(masked, path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    await rm(masked, { force: true });
    throw writeError(error, path);
  }
}

async function holdsSecret(path: string, mask: (text: string) => string): Promise<boolean> {
  for await (const line of linesOf(path)) if (mask(line) !== line) return true;
  return false;
}

async function* maskedLines(path: string, mask: (text: string) => string): AsyncGenerator<string> {
  for await (const line of linesOf(path)) yield mask(line);
}

/** Each with its line end. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let begun = "";
  for await (const read of createReadStream(path, "utf8") as AsyncIterable<string>) {
    const lines = (begun + read).split(/(?<=\n)/);
    begun = lines.pop() ?? "";
    yield* lines;
  }
  if (begun !== "") yield begun;
}
