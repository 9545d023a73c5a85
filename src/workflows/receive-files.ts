import { createHash, type Hash } from "node:crypto";
import { type FileHandle, mkdir, open, rename, unlink, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { LlmbenchError } from "../error.ts";

const Head = z.object({ name: z.string(), size: z.number().int().nonnegative(), mtimeMs: z.number() });
const Tail = z.object({ sha256: z.string() });

interface Part {
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly mtimeMs: number;
  readonly file: FileHandle;
  readonly hash: Hash;
  left: number;
}

/** Suffix of a file that is not whole yet. */
const arriving = ".arriving";

/**
 * Takes what the pod sends (`sendScript`) and writes the files below a folder. Each lies under another name until it is
 * whole and its checksum is right; then `received` is told. Throws FETCH_BROKEN, also for what was not asked for.
 */
export async function receiveFiles(
  source: AsyncIterable<Buffer>,
  folder: string,
  asked: readonly string[],
  received: (name: string, bytes: number) => void,
): Promise<void> {
  let part: Part | undefined;
  let line = Buffer.alloc(0);
  try {
    for await (const chunk of source) {
      for (let rest = chunk; rest.length > 0; ) {
        if (part !== undefined && part.left > 0) {
          const bytes: Buffer = rest.subarray(0, part.left);
          await part.file.write(bytes);
          part.hash.update(bytes);
          part.left -= bytes.length;
          rest = rest.subarray(bytes.length);
          continue;
        }
        const end = rest.indexOf(10);
        line = Buffer.concat([line, end < 0 ? rest : rest.subarray(0, end)]);
        if (end < 0) break;
        rest = rest.subarray(end + 1);
        if (part === undefined) part = await begin(folder, asked, line);
        else {
          await finishPart(part, line);
          received(part.name, part.size);
          part = undefined;
        }
        line = Buffer.alloc(0);
      }
    }
    if (part !== undefined || line.length > 0) throw broken("the connection ended inside a file");
  } finally {
    if (part !== undefined) await drop(part);
  }
}

async function begin(folder: string, asked: readonly string[], line: Buffer): Promise<Part> {
  const { name, size, mtimeMs } = read(Head, line);
  if (!asked.includes(name)) throw broken(`${name} came and was not asked for`);
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path + arriving, "w");
  return { path, name, size, mtimeMs, file, hash: createHash("sha256"), left: size };
}

async function finishPart({ path, name, mtimeMs, file, hash }: Part, line: Buffer): Promise<void> {
  const { sha256 } = read(Tail, line);
  if (hash.digest("hex") !== sha256) throw broken(`${name} has another checksum than on the share`);
  await file.close();
  await utimes(path + arriving, new Date(), new Date(mtimeMs));
  await rename(path + arriving, path);
}

/** Nothing stays of a file that was cut off. */
async function drop({ path, file }: Part): Promise<void> {
  await file.close();
  await unlink(path + arriving);
}

function read<T>(shape: z.ZodType<T>, line: Buffer): T {
  try {
    return shape.parse(JSON.parse(line.toString("utf8")));
  } catch {
    throw broken(`not what the pod should send: ${line.toString("utf8").slice(0, 200)}`);
  }
}

function broken(what: string): LlmbenchError {
  return new LlmbenchError("FETCH_BROKEN", `The results did not come as they are on the share: ${what}.`, {
    hint: "Run the same command again: what came whole is kept.",
  });
}
