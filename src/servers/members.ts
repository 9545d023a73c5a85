import { hasInEnvironment, listProcesses, type ProcessEntry, type ProcessIdentity } from "./process-table.ts";
import type { RegistryEntry } from "./registry.ts";

/** Name of the variable that marks every process of a server as ours. */
export const tokenVariable = "LLMBENCH_SERVER_TOKEN";

/**
 * The processes that certainly belong to a server: the one that was started and those seen with it, as they were
 * (same id and same start), those that carry its token, the rest of its process group and session once one of these
 * is in it, and every descendant. A group of which no process is certain is left alone: its id may have a new owner.
 */
export function findMembers(
  entry: Pick<RegistryEntry, "process" | "members" | "token">,
  seen: readonly ProcessIdentity[] = [],
): ProcessEntry[] {
  const table = listProcesses().filter(({ pid }) => pid !== process.pid && pid > 1);
  const known = new Set([entry.process, ...entry.members, ...seen].map(nameOf));
  const assignment = `${tokenVariable}=${entry.token}`;
  const certain = table.filter((one) => known.has(nameOf(one)) || hasInEnvironment(one.pid, assignment));

  const members = new Set(certain.map(({ pid }) => pid));
  const { pid: leader } = entry.process;
  const inGroup = (one: ProcessEntry) => one.group === leader || one.session === leader;
  if (certain.some(inGroup)) for (const one of table) if (inGroup(one)) members.add(one.pid);
  addDescendants(table, members);
  return table.filter(({ pid }) => members.has(pid));
}

function addDescendants(table: readonly ProcessEntry[], members: Set<number>): void {
  let before: number;
  do {
    before = members.size;
    for (const one of table) if (members.has(one.parent)) members.add(one.pid);
  } while (members.size > before);
}

function nameOf({ pid, started }: ProcessIdentity): string {
  return `${pid} ${started}`;
}
