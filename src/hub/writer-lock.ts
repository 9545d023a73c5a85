import { randomUUID } from "node:crypto";
import { readlinkSync } from "node:fs";
import { mkdir, open, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { LlmbenchError } from "../error.ts";
import { bootId, isAlive, ownIdentity } from "../servers/process-table.ts";
import { folderMode, onDisk } from "./folder-error.ts";

/** Who fetches into a folder. A share has many hosts: each says where its process ids mean something. */
const Writer = z.object({
  token: z.string(),
  host: z.string(),
  /** Host, boot and process namespace: only here can `pid` be looked up. */
  place: z.string(),
  pid: z.number().int(),
  started: z.string(),
  since: z.string(),
});
type Writer = z.infer<typeof Writer>;

export interface LockTimes {
  /** The file's time is renewed so often. */
  readonly beatMs: number;
  /** Unchanged for so long, by the clock of who watches, it is left over: clocks of hosts differ, and NFS looks away for seconds. */
  readonly staleMs: number;
  readonly pollMs: number;
}

const usualTimes: LockTimes = { beatMs: 10_000, staleMs: 60_000, pollMs: 1000 };

/**
 * Runs `action` as the only writer under this lock file, and waits while another is. A writer that died is succeeded:
 * at once where its process can be looked up, else when its file has not changed for a minute. `signal` also fires
 * when another has taken over from us (we were stopped for long), with MODEL_FOLDER_TAKEN.
 */
export async function withWriterLock<T>(
  path: string,
  options: { report: (line: string) => void; signal: AbortSignal; times?: LockTimes },
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const times = options.times ?? usualTimes;
  const me = describeSelf();
  await acquire(path, me, { ...options, times });
  const lost = new AbortController();
  const beat = setInterval(() => void renew(), times.beatMs);
  async function renew(): Promise<void> {
    if (!(await isMine(path, me))) {
      lost.abort(
        new LlmbenchError("MODEL_FOLDER_TAKEN", `Another llmbench has taken over ${dirname(path)}.`, {
          hint: "This one was stopped for more than a minute. Let the other finish.",
        }),
      );
      return;
    }
    const now = new Date();
    await utimes(path, now, now).catch(() => undefined);
  }
  try {
    return await action(AbortSignal.any([options.signal, lost.signal]));
  } finally {
    clearInterval(beat);
    if (await isMine(path, me)) await rm(path, { force: true }).catch(() => undefined);
  }
}

/** A share that cannot be read for a moment says nothing of who has the lock. */
async function isMine(path: string, me: Writer): Promise<boolean> {
  try {
    return (await readLock(path))?.content === JSON.stringify(me);
  } catch {
    return true;
  }
}

function describeSelf(): Writer {
  return {
    token: randomUUID(),
    host: hostname(),
    place: placeOf(),
    ...ownIdentity(),
    since: new Date().toISOString(),
  };
}

/** Two containers of one host have the same boot and perhaps the same name, and other processes. */
function placeOf(): string {
  let namespace = "";
  try {
    namespace = readlinkSync("/proc/self/ns/pid");
  } catch {
    // Only Linux has it.
  }
  return `${hostname()} ${bootId()} ${namespace}`;
}

async function acquire(
  path: string,
  me: Writer,
  options: { report: (line: string) => void; signal: AbortSignal; times: LockTimes },
): Promise<void> {
  let seen = "";
  let seenAt = performance.now();
  let told = false;
  for (;;) {
    if (await create(path, me)) return;
    const lock = await onDisk(dirname(path), () => readLock(path));
    if (lock === undefined) continue;
    const state = `${lock.mtimeMs} ${lock.content}`;
    if (state !== seen) [seen, seenAt] = [state, performance.now()];
    const holder = parseWriter(lock.content);
    if (isDead(holder, me) || performance.now() - seenAt >= options.times.staleMs) {
      if (await takeAway(path, lock.content)) {
        options.report(`going on after ${nameOf(holder)}, which ended before it was done`);
      }
      continue;
    }
    if (!told) options.report(`${nameOf(holder)} is fetching into this folder: waiting for it`);
    told = true;
    await sleep(options.times.pollMs, undefined, { signal: options.signal });
  }
}

async function create(path: string, me: Writer): Promise<boolean> {
  return onDisk(dirname(path), async () => {
    await mkdir(dirname(path), { recursive: true, mode: folderMode });
    try {
      await writeFile(path, JSON.stringify(me), { flag: "wx" });
      return true;
    } catch (error) {
      // ENOENT: who was before has just removed the folder.
      if (["EEXIST", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
      throw error;
    }
  });
}

/** Opened anew each time: that is when NFS asks the server for what is true now. Undefined where there is none. */
async function readLock(path: string): Promise<{ content: string; mtimeMs: number } | undefined> {
  try {
    const file = await open(path, "r");
    try {
      const { mtimeMs } = await file.stat();
      return { content: await file.readFile("utf8"), mtimeMs };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (["ENOENT", "ESTALE"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** Two may find it left over at once: only the one that moves that very lock away may say so. */
async function takeAway(path: string, content: string): Promise<boolean> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return false;
  }
  if ((await readFile(aside, "utf8").catch(() => content)) === content) {
    await rm(aside, { force: true });
    return true;
  }
  await rename(aside, path);
  return false;
}

function parseWriter(content: string): Writer | undefined {
  try {
    return Writer.parse(JSON.parse(content));
  } catch {
    return undefined;
  }
}

function isDead(holder: Writer | undefined, me: Writer): boolean {
  return holder !== undefined && holder.place === me.place && !isAlive(holder);
}

function nameOf(holder: Writer | undefined): string {
  return holder === undefined
    ? "another llmbench"
    : `process ${holder.pid} on ${holder.host} (since ${holder.since})`;
}
