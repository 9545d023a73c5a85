import type { Exec } from "./recorder.ts";

/**
 * nsys writes every process that it can see into a report, with its environment: on a machine, whatever else the user
 * runs, with the keys in it. In a process namespace of its own it sees the server's processes alone, as in a container.
 */
const ways: readonly (readonly string[])[] = [
  ["unshare", "--pid", "--fork", "--mount-proc"],
  // Where the user may not do that as they are, but in a user namespace.
  ["unshare", "--user", "--map-current-user", "--pid", "--fork", "--mount-proc"],
];

/** Words to put before a command so that it runs in such a namespace; empty where this system allows none. */
export async function findIsolation(exec: Exec, signal: AbortSignal): Promise<readonly string[]> {
  for (const words of ways) {
    const { exitStatus } = await exec([...words, "true"], { signal });
    if (exitStatus === 0) return words;
  }
  return [];
}
