import { setTimeout as sleep } from "node:timers/promises";
import { LlmbenchError } from "../error.ts";
import { findMembers } from "./members.ts";
import type { ProcessIdentity } from "./process-table.ts";
import type { RegistryEntry } from "./registry.ts";

/** Looked at often at first, since most servers end at once. */
const pollMs = { first: 20, longest: 200 };
/** A killed process is gone at once unless it hangs in the kernel (a driver, a dead file server). */
const killTimeoutMs = 15_000;

/**
 * Ends a server: SIGTERM to its process group, `stopTimeoutSeconds` to comply, then SIGKILL to all that is left,
 * also to what left the group. Resolves when every process is gone; rejects with SERVER_STILL_THERE.
 */
export async function stopServer(entry: RegistryEntry): Promise<void> {
  const seen = new Map<number, ProcessIdentity>();
  if (await endAll(entry, seen, "SIGTERM", entry.stopTimeoutSeconds * 1000)) return;
  if (await endAll(entry, seen, "SIGKILL", killTimeoutMs)) return;
  const left = findMembers(entry, [...seen.values()]).map(({ pid }) => pid);
  throw new LlmbenchError(
    "SERVER_STILL_THERE",
    `Processes ${left.join(", ")} of the server of ${entry.cellId} do not end, not even by SIGKILL.`,
    { hint: "They run as another user, or hang in a driver or on a dead file server; end them by hand." },
  );
}

/** SIGKILL to all of a server, without waiting: for the moment before this process ends itself. */
export function killServer(entry: RegistryEntry): void {
  const members = findMembers(entry);
  if (members.some((one) => one.group === entry.process.pid)) send(-entry.process.pid, "SIGKILL");
  for (const { pid } of members) send(pid, "SIGKILL");
}

/** Signals until nothing is left or the time is up; true when nothing is left. */
async function endAll(
  entry: RegistryEntry,
  seen: Map<number, ProcessIdentity>,
  signal: "SIGTERM" | "SIGKILL",
  timeoutMs: number,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  const told = new Set<number>();
  const repeat = signal === "SIGKILL";
  for (let wait = pollMs.first; ; wait = Math.min(wait * 1.5, pollMs.longest)) {
    const members = findMembers(entry, [...seen.values()]);
    if (members.length === 0) return true;
    for (const { pid, started } of members) seen.set(pid, { pid, started });

    const inGroup = members.filter((one) => one.group === entry.process.pid);
    if (inGroup.length > 0 && (repeat || told.size === 0)) {
      // The group as a whole, so that a process that is being forked right now gets it too.
      send(-entry.process.pid, signal);
      for (const { pid } of inGroup) told.add(pid);
    }
    // On SIGTERM a server ends its own far-flung children; those that outlive it are told themselves.
    if (inGroup.length === 0 || repeat) {
      for (const { pid } of members.filter((one) => repeat || !told.has(one.pid))) {
        send(pid, signal);
        told.add(pid);
      }
    }
    if (performance.now() >= deadline) return false;
    await sleep(Math.min(wait, Math.max(1, deadline - performance.now())));
  }
}

function send(target: number, signal: NodeJS.Signals): void {
  try {
    process.kill(target, signal);
  } catch {
    // Gone meanwhile, or not ours to signal: whether it is gone is looked at again.
  }
}
