import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { digestFile } from "./digest.ts";
import { createMeter, inBytes } from "./meter.ts";
import { partialsName, readModelRecord, readSums } from "./model-record.ts";
import { readShards } from "./whole-model.ts";

export interface VerifyModelOptions {
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
  readonly progressMs?: number;
}

export interface VerifiedModel {
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
  /** Where it comes from, if the folder says so. */
  readonly source: { readonly repo: string; readonly commit: string } | undefined;
}

/**
 * Reads every file that SHA256SUMS names and compares; looks for weights that it does not name and for shards that an
 * index names and nobody has. Writes nothing, needs no network. Throws MODEL_NOT_FOUND, MODEL_NO_SUMS, MODEL_INCOMPLETE with every
 * finding.
 */
export async function verifyModel(options: VerifyModelOptions): Promise<VerifiedModel> {
  const folder = resolve(options.folder);
  const sums = await readSumsOf(folder);
  if (sums === undefined || sums.files.length === 0) {
    throw new LlmbenchError("MODEL_NO_SUMS", `${folder} has no SHA256SUMS to compare with.`, {
      hint: "`llmbench models fetch` writes it when a model is whole: call it again, or copy SHA256SUMS too.",
    });
  }
  const findings = [
    ...sums.wrong.map((line) => `SHA256SUMS: no checksum and name: ${line.slice(0, 100)}`),
    ...(await findStrays(folder, new Set(sums.files.map(({ path }) => path)))),
  ];
  const record = await readModelRecord(folder);
  const present: { path: string; sha256: string; size: number }[] = [];
  for (const { path, sha256 } of sums.files) {
    const found = await stat(join(folder, path)).catch(() => undefined);
    const size = record?.files.find((file) => file.path === path)?.size;
    if (found?.isFile() !== true) findings.push(`${path}: missing`);
    else if (size !== undefined && found.size !== size)
      findings.push(`${path}: ${inBytes(found.size)} of ${inBytes(size)}`);
    else present.push({ path, sha256, size: found.size });
  }
  const total = present.reduce((sum, { size }) => sum + size, 0);
  findings.push(...(await compare(folder, present, total, options)));
  if (findings.length > 0) {
    throw new LlmbenchError("MODEL_INCOMPLETE", `${folder} is not the model that SHA256SUMS describes.`, {
      hint: "`llmbench models fetch` again mends it, and fetches only what is wrong; a copy is mended by copying again (rsync --checksum).",
      details: findings,
    });
  }
  const source = record === undefined ? undefined : { repo: record.repo, commit: record.commit };
  return { folder, files: present.length, bytes: total, source };
}

async function readSumsOf(folder: string): ReturnType<typeof readSums> {
  try {
    await readdir(folder);
    return await readSums(folder);
  } catch (error) {
    throw new LlmbenchError(
      "MODEL_NOT_FOUND",
      `There is no model at ${folder}: ${(error as Error).message}`,
      {
        hint: "Name the model's folder, not the share's.",
        cause: error,
      },
    );
  }
}

async function compare(
  folder: string,
  files: readonly { path: string; sha256: string; size: number }[],
  total: number,
  { signal, report, progressMs = 10_000 }: VerifyModelOptions,
): Promise<string[]> {
  const findings: string[] = [];
  const meter = createMeter(total);
  const timer = setInterval(() => report(meter.line()), progressMs);
  try {
    for (const { path, sha256, size } of files) {
      const onRead = (bytes: number) => {
        meter.add(bytes);
        meter.received(bytes);
      };
      try {
        const wanted = { kind: "sha256", hex: sha256 } as const;
        const { matches } = await digestFile(join(folder, path), size, wanted, { signal, onRead });
        if (!matches) findings.push(`${path}: other bytes than SHA256SUMS says`);
      } catch (error) {
        if (signal.aborted) {
          throw new LlmbenchError("INTERRUPTED", "stopped before every file was read", {
            exitStatus: ExitStatus.interrupted,
            hint: "Call it again; nothing was changed.",
          });
        }
        findings.push(`${path}: cannot be read: ${(error as Error).message}`);
      }
    }
  } finally {
    clearInterval(timer);
  }
  return findings;
}

/** An engine reads every shard that it finds, and every one that the index names. */
async function findStrays(folder: string, named: ReadonlySet<string>): Promise<string[]> {
  const names = await readdir(folder);
  const findings = names
    .filter((name) => /\.(safetensors|bin|gguf)$/.test(name) && !named.has(name))
    .map((name) => `${name}: not in SHA256SUMS, and an engine would load it`);
  if (names.includes(partialsName)) findings.push(`${partialsName}: a fetch is not finished`);
  for (const index of names.filter((name) => name.endsWith(".index.json") && named.has(name))) {
    const shards = await readShards(join(folder, index));
    for (const shard of shards)
      if (!names.includes(shard)) findings.push(`${shard}: named by ${index}, missing`);
  }
  return findings;
}
