import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive, ownIdentity } from "../servers/process-table.ts";
import type { Report } from "./pip.ts";

/** Another host's lock cannot be looked into; older than the longest installation, it is left over. */
const foreignLockAgeMs = 2 * 3600 * 1000;

/**
 * Runs `action` while no other llmbench does the same under this path; waits for it if one does. A lock whose
 * process is dead is taken over.
 */
export async function withLock<T>(
  path: string,
  options: { report: Report; signal?: AbortSignal | undefined },
  action: () => Promise<T>,
): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  const content = JSON.stringify({ host: hostname(), ...ownIdentity() });
  for (let told = false; !take(path, content); ) {
    options.signal?.throwIfAborted();
    if (!told) options.report("another llmbench is installing the same: waiting for it");
    told = true;
    await sleep(300, undefined, { signal: options.signal });
  }
  try {
    return await action();
  } finally {
    rmSync(path, { force: true });
  }
}

function take(path: string, content: string): boolean {
  try {
    writeFileSync(path, content, { flag: "wx" });
    return true;
  } catch {
    dropIfStale(path);
    return false;
  }
}

function dropIfStale(path: string): void {
  try {
    const content = readFileSync(path, "utf8");
    if (!isStale(path, content)) return;
    // Two may find it stale at once: only the one that moves that very lock away drops it.
    const aside = `${path}.${process.pid}`;
    renameSync(path, aside);
    if (readFileSync(aside, "utf8") === content) rmSync(aside);
    else renameSync(aside, path);
  } catch {
    // Gone meanwhile.
  }
}

function isStale(path: string, content: string): boolean {
  const age = Date.now() - statSync(path).mtimeMs;
  let holder: { host?: unknown; pid?: unknown; started?: unknown };
  try {
    holder = JSON.parse(content) as typeof holder;
  } catch {
    return age > 10_000; // being written, or torn by a crash
  }
  if (holder.host !== hostname()) return age > foreignLockAgeMs;
  return !isAlive({ pid: Number(holder.pid), started: String(holder.started) });
}
