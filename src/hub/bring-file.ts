import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LlmbenchError } from "../error.ts";
import type { ChosenFile } from "./choose-files.ts";
import type { HubClient } from "./client.ts";
import { createDigester, type Digester, digestFile, digestStart } from "./digest.ts";
import { folderMode, onDisk } from "./folder-error.ts";
import { type Asked, answerError } from "./hub-error.ts";
import type { Meter } from "./meter.ts";
import type { RecordedFile } from "./model-record.ts";
import { asHubError, contentPath } from "./repository.ts";
import { PassingTrouble, type Pause, persist } from "./trouble.ts";

/** All that bringing one file needs to know of the whole. */
export interface BringOptions {
  readonly client: HubClient;
  readonly asked: Asked;
  readonly commit: string;
  readonly folder: string;
  readonly partials: string;
  /** Files that are right as long as their size and time are these, by path. */
  readonly trusted: ReadonlyMap<string, RecordedFile>;
  readonly meter: Meter;
  readonly report: (line: string) => void;
  readonly pause: Pause;
  readonly signal: AbortSignal;
}

/**
 * Makes one file of a model be there, whole: what is there already is checked, what was begun is gone on with, and a
 * file gets its name only when its bytes hash to what the hub says. Idempotent; survives being killed at any moment.
 * Throws HUB_*, MODEL_FOLDER_*.
 */
export async function bringFile(file: ChosenFile, options: BringOptions): Promise<RecordedFile> {
  const { folder, partials, meter, signal } = options;
  const target = join(folder, file.path);
  const there = await stat(target).catch(() => undefined);
  const known = options.trusted.get(file.path);
  if (there?.isFile() === true && there.size === file.size && known?.mtimeMs === there.mtimeMs) {
    meter.add(file.size);
    return known;
  }
  if (there?.isFile() === true && there.size === file.size) {
    let counted = 0;
    const onRead = (bytes: number) => {
      counted += bytes;
      meter.add(bytes);
    };
    const { sha256, matches } = await onDisk(folder, () =>
      digestFile(target, file.size, file.digest, { signal, onRead }),
    );
    if (matches) return { path: file.path, size: file.size, sha256, mtimeMs: there.mtimeMs };
    meter.add(-counted);
    options.report(`${file.path} is there, but with other bytes than the hub's: fetching it anew`);
  }
  const partial = partialPath(partials, file);
  const sha256 = await fetchWhole(file, partial, options);
  const { mtimeMs } = await onDisk(folder, async () => {
    await mkdir(dirname(target), { recursive: true, mode: folderMode });
    await rename(partial, target);
    return await stat(target);
  });
  return { path: file.path, size: file.size, sha256, mtimeMs };
}

/** Named by what the bytes shall hash to: what was begun is of use for any commit, and never mixed with another file. */
export function partialPath(partials: string, { digest }: ChosenFile): string {
  return join(partials, `${digest.kind}-${digest.hex}`);
}

/** How far a partial file is. */
interface Progress {
  at: number;
  digester: Digester;
  /** The furthest that it was: only what goes beyond is an advance. */
  furthest: number;
}

async function fetchWhole(file: ChosenFile, partial: string, options: BringOptions): Promise<string> {
  const { folder, meter } = options;
  // Written at its place, not appended: should two ever write, they write the same.
  const handle = await onDisk(folder, () => open(partial, constants.O_RDWR | constants.O_CREAT, 0o644));
  try {
    const progress = await onDisk(folder, () => startOf(file, handle, options));
    let mismatches = 0;
    const sha256 = await persist(async (advanced) => {
      const fits = progress.at === file.size || (await fetchRest(file, handle, progress, advanced, options));
      const { sha256, matches } = progress.digester.end();
      if (fits && matches) return sha256;
      await startOver(file, handle, progress, options);
      progress.furthest = file.size;
      mismatches++;
      const wrong = wrongBytes(file, options);
      if (mismatches > 1) throw wrong;
      throw new PassingTrouble(`${file.path} arrived with wrong bytes`, wrong, 1);
    }, options);
    await onDisk(folder, () => handle.sync());
    return sha256;
  } catch (error) {
    options.signal.throwIfAborted();
    throw error;
  } finally {
    await handle.close().catch(() => undefined);
    await removeEmpty(file, partial);
  }

  /** What an earlier call left counts, as far as it can be right. */
  async function startOf(wanted: ChosenFile, begun: FileHandle, { signal }: BringOptions): Promise<Progress> {
    const { size } = await begun.stat();
    const digester = createDigester(wanted.size, wanted.digest);
    if (size > wanted.size) await begun.truncate(0);
    const at = size > wanted.size ? 0 : size;
    await digestStart(begun, at, digester, { signal, onRead: meter.add });
    return { at, digester, furthest: at };
  }
}

/** Fetches from where the file stands. False: there was more than the file may have. Throws when it stopped early. */
async function fetchRest(
  file: ChosenFile,
  handle: FileHandle,
  progress: Progress,
  advanced: () => void,
  options: BringOptions,
): Promise<boolean> {
  const { client, asked, commit, meter, folder, signal } = options;
  const about = { ...asked, path: file.path };
  try {
    const answer = await client.get(contentPath(asked.repo, commit, file.path), {
      signal,
      headers: progress.at > 0 ? { range: `bytes=${progress.at}-` } : {},
    });
    const linked = /^"?([0-9a-f]{64})"?$/.exec(answer.hubHeader("x-linked-etag") ?? "")?.[1];
    if (file.digest.kind === "sha256" && linked !== undefined && linked !== file.digest.hex) {
      await answer.discard();
      throw wrongBytes(file, options);
    }
    if (answer.status === 416) {
      await answer.discard();
      await startOver(file, handle, progress, options);
      throw new PassingTrouble(
        `${file.path}: the server has nothing from where it stopped`,
        wrongBytes(file, options),
        1,
      );
    }
    if (answer.status !== 200 && answer.status !== 206) throw await answerError(answer, about);
    // A server that knows no ranges sends everything again.
    const from = answer.status === 206 ? rangeStart(answer.header("content-range")) : 0;
    if (from !== progress.at) await startOver(file, handle, progress, options);
    if (from !== progress.at) {
      await answer.discard();
      throw new PassingTrouble(
        `${file.path}: the server sent another part than asked for`,
        wrongBytes(file, options),
        1,
      );
    }
    for await (const chunk of answer.body) {
      if (progress.at + chunk.byteLength > file.size) return false;
      await onDisk(folder, () => writeAll(handle, chunk, progress.at));
      progress.digester.add(chunk);
      progress.at += chunk.byteLength;
      meter.add(chunk.byteLength);
      meter.received(chunk.byteLength);
      if (progress.at <= progress.furthest) continue;
      progress.furthest = progress.at;
      advanced();
    }
  } catch (error) {
    throw asHubError(error, asked.endpoint);
  }
  if (progress.at === file.size) return true;
  throw asHubError(
    new Error(`${file.path} ended after ${progress.at} of ${file.size} bytes`),
    asked.endpoint,
  );
}

/** What was refused before its first byte leaves nothing behind. */
async function removeEmpty(file: ChosenFile, partial: string): Promise<void> {
  const { size } = (await stat(partial).catch(() => undefined)) ?? {};
  if (size === 0 && file.size > 0) await rm(partial, { force: true }).catch(() => undefined);
}

async function startOver(
  file: ChosenFile,
  handle: FileHandle,
  progress: Progress,
  { folder, meter }: BringOptions,
): Promise<void> {
  await onDisk(folder, () => handle.truncate(0));
  meter.add(-progress.at);
  progress.at = 0;
  progress.digester = createDigester(file.size, file.digest);
}

async function writeAll(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < chunk.byteLength; ) {
    const { bytesWritten } = await handle.write(
      chunk,
      written,
      chunk.byteLength - written,
      position + written,
    );
    written += bytesWritten;
  }
}

/** `Content-Range: bytes 100-199/200`. */
function rangeStart(header: string | undefined): number | undefined {
  const [, start] = /^bytes (\d+)-/.exec(header ?? "") ?? [];
  return start === undefined ? undefined : Number(start);
}

function wrongBytes(file: ChosenFile, { asked }: BringOptions): LlmbenchError {
  return new LlmbenchError(
    "HUB_WRONG_BYTES",
    `What ${asked.endpoint} sends as ${file.path} does not have the checksum that it names.`,
    {
      hint: "Nothing wrong was put in place. Call again; if it stays so, a proxy or mirror in between changes or mixes files.",
      details: [`wanted: ${file.digest.kind === "git" ? "git blob" : "sha256"} ${file.digest.hex}`],
    },
  );
}
