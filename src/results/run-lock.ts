import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { readFile, unlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { LlmbenchError } from "../error.ts";
import { errorCode, writeError } from "./stored-json.ts";

/** Who writes to a run folder: a process is known by its number and the time it started, since numbers are reused. */
const LockHolder = z.object({
  token: z.string(),
  pid: z.number().int(),
  processStart: z.string(),
  host: z.string(),
  since: z.string(),
});
type LockHolder = z.infer<typeof LockHolder>;

export interface RunLock {
  /** Lets others write. Idempotent. */
  release(): Promise<void>;
}

const NAME = /^\.lock-(\d+)$/;
/** A lock file without content for longer than this was left by a process that died while writing it. */
const WRITE_SECONDS = 10;

/**
 * Takes the one right to write to a run folder. Throws LlmbenchError RUN_IN_USE when a living process has it. A lock
 * is a file `.lock-<n>` that only one process can create; one whose process is gone is passed over by creating
 * `.lock-<n + 1>`, so that two that find the same dead lock cannot both win.
 */
export async function lockRun(folder: string): Promise<RunLock> {
  const me: LockHolder = {
    token: randomUUID(),
    pid: process.pid,
    processStart: processStart(process.pid) ?? "",
    host: hostname(),
    since: new Date().toISOString(),
  };
  for (;;) {
    const before = locksIn(folder);
    await refuseLiving(folder, before, me);
    const mine = join(folder, `.lock-${Math.max(0, ...before) + 1}`);
    try {
      await writeFile(mine, JSON.stringify(me), { flag: "wx" });
    } catch (error) {
      if (errorCode(error) === "EEXIST") continue;
      // A full disk leaves the name without content, which would count as a lock that is being written.
      await unlink(mine).catch(() => undefined);
      throw writeError(error, mine);
    }
    try {
      // Another may have taken and given back the run while this one looked.
      await refuseLiving(folder, locksIn(folder), me);
    } catch (error) {
      await removeIfThere(mine);
      throw error;
    }
    for (const dead of before) await removeIfThere(join(folder, `.lock-${dead}`));
    return { release: () => removeIfThere(mine) };
  }
}

/** The process that writes to a run folder at this moment, if one does. Never throws. */
export async function findWriter(
  folder: string,
): Promise<{ readonly pid: number; readonly host: string } | undefined> {
  try {
    for (const lock of locksIn(folder)) {
      const holder = await readHolder(join(folder, `.lock-${lock}`));
      if (typeof holder === "object" && isAlive(holder, hostname())) return holder;
    }
  } catch {
    // A folder that cannot be read has no writer that could be named.
  }
  return undefined;
}

function locksIn(folder: string): number[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    throw writeError(error, folder);
  }
  return names.flatMap((name) => {
    const match = NAME.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
}

async function refuseLiving(folder: string, locks: readonly number[], me: LockHolder): Promise<void> {
  for (const lock of locks) {
    const path = join(folder, `.lock-${lock}`);
    const holder = await readHolder(path);
    if (holder === "gone" || (holder !== "being-written" && holder.token === me.token)) continue;
    if (holder !== "being-written" && !isAlive(holder, me.host)) continue;
    const who = holder === "being-written" ? "another process" : `process ${holder.pid} on ${holder.host}`;
    throw new LlmbenchError("RUN_IN_USE", `Another llmbench writes to ${folder}: ${who}.`, {
      hint:
        holder !== "being-written" && holder.host !== me.host
          ? `Wait until it is done. If nothing runs on ${holder.host} any more, delete ${path}.`
          : "Wait until it is done, or stop it.",
    });
  }
}

async function readHolder(path: string): Promise<LockHolder | "being-written" | "gone"> {
  try {
    const parsed = LockHolder.safeParse(JSON.parse(await readFile(path, "utf8")));
    if (parsed.success) return parsed.data;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "gone";
    if (!(error instanceof SyntaxError)) throw error;
  }
  const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return age > WRITE_SECONDS * 1000 ? "gone" : "being-written";
}

/** A process of another host cannot be looked at: it counts as living. */
function isAlive(holder: LockHolder, host: string): boolean {
  return holder.host !== host || processStart(holder.pid) === holder.processStart;
}

/** When a process started, in words that are the same for its whole life; undefined when there is none. */
export function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold spaces and parentheses; field 22 is the start in clock ticks since boot.
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}/${ticks}`;
  } catch (error) {
    if (process.platform === "linux") {
      if (errorCode(error) === "ENOENT" || errorCode(error) === "ESRCH") return undefined;
      throw error;
    }
  }
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
  } catch {
    return undefined;
  }
}

async function removeIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (errorCode(error) !== "ENOENT") throw writeError(error, path);
  });
}
