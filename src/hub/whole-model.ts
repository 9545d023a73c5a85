import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { inBytes } from "./meter.ts";
import { partialsName, type RecordedFile, readModelRecord } from "./model-record.ts";

/**
 * What a model lacks as far as names and sizes say, in words; nothing where it is whole, or not there at all. `path` is
 * its folder, or its GGUF file, the first of several perhaps. Reads no weights and so takes no time: what bytes they are
 * is for verify-model.ts.
 */
export async function findIncomplete(path: string): Promise<string[]> {
  const isFile = path.endsWith(".gguf");
  const folder = isFile ? dirname(path) : path;
  const stem = isFile ? basename(path).replace(/(?:-\d{5}-of-\d{5})?\.gguf$/, "") : "";
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined) return [];
  const record = await readModelRecord(folder);
  // Beside a record a fetch only makes sure that all is right: one of another commit takes the record away first.
  if (record !== undefined)
    return await findLacking(
      folder,
      record.files.filter((file) => file.path.startsWith(stem)),
    );
  if (names.includes(partialsName)) return [`${partialsName}: a fetch is not finished`];
  const missing: string[] = [];
  for (const index of names.filter((name) => name.endsWith(".index.json"))) {
    const shards = [...(await readShards(join(folder, index)))];
    const absent = shards.filter((shard) => !names.includes(shard));
    // An index alone is often left over from weights in another format, which nobody loads.
    if (absent.length < shards.length)
      missing.push(...absent.map((shard) => `${shard}: named by ${index}, missing`));
  }
  return missing;
}

/** Files that are missing or of another size, in words. */
async function findLacking(folder: string, files: readonly RecordedFile[]): Promise<string[]> {
  const findings: string[] = [];
  for (const { path, size } of files) {
    const found = await stat(join(folder, path)).catch(() => undefined);
    if (found?.isFile() !== true) findings.push(`${path}: missing`);
    else if (found.size !== size) findings.push(`${path}: ${inBytes(found.size)} of ${inBytes(size)}`);
  }
  return findings;
}

/** The shards that an index names; none where it cannot be read. */
export async function readShards(path: string): Promise<ReadonlySet<string>> {
  try {
    const { weight_map: map } = JSON.parse(await readFile(path, "utf8")) as { weight_map?: unknown };
    return new Set(Object.values(map ?? {}).filter((name) => typeof name === "string"));
  } catch {
    return new Set(); // its checksum says what is wrong with it
  }
}
