import { registryFolder } from "./cache-folder.ts";
import { findMembers } from "./members.ts";
import { bootId, isAlive } from "./process-table.ts";
import { Registry, type RegistryEntry } from "./registry.ts";
import { stopServer } from "./stop.ts";

/** A server that still runs although the llmbench that started it is gone. */
export interface Leftover {
  readonly runId: string;
  readonly cellId: string;
  /** Its processes. */
  readonly pids: readonly number[];
  readonly command: readonly string[];
  readonly startedAt: Date;
}

export interface LeftoverOptions {
  readonly registryFolder?: string;
  /** Of this run only. */
  readonly runId?: string;
}

/**
 * Servers of this machine whose llmbench is dead. A process counts only when it is certainly the one that was
 * written down (see findMembers); entries without one are dropped.
 */
export async function findLeftovers(options: LeftoverOptions = {}): Promise<Leftover[]> {
  return orphans(options).map(({ leftover }) => leftover);
}

/** Ends the leftovers, all at once, and returns those that are gone. Rejects with SERVER_STILL_THERE. */
export async function removeLeftovers(options: LeftoverOptions = {}): Promise<Leftover[]> {
  const registry = new Registry(options.registryFolder ?? registryFolder());
  return await Promise.all(
    orphans(options).map(async ({ entry, leftover }) => {
      await stopServer(entry);
      registry.remove(entry);
      return leftover;
    }),
  );
}

function orphans(options: LeftoverOptions): { entry: RegistryEntry; leftover: Leftover }[] {
  const registry = new Registry(options.registryFolder ?? registryFolder());
  const boot = bootId();
  return registry
    .list()
    .filter((entry) => options.runId === undefined || entry.runId === options.runId)
    .flatMap((entry) => {
      const sameBoot = entry.bootId === boot;
      if (sameBoot && isAlive(entry.owner)) return [];
      const members = sameBoot ? findMembers(entry) : [];
      if (members.length === 0) {
        registry.remove(entry);
        return [];
      }
      const { runId, cellId, command } = entry;
      const pids = members.map(({ pid }) => pid);
      return [{ entry, leftover: { runId, cellId, pids, command, startedAt: new Date(entry.startedAtMs) } }];
    });
}
