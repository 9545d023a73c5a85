import { homedir } from "node:os";
import { join } from "node:path";

/** The user's folder for what can be made again: `$LLMBENCH_CACHE`, else the system's place for caches. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const own = env["LLMBENCH_CACHE"];
  if (own) return own;
  const xdg = env["XDG_CACHE_HOME"];
  if (xdg) return join(xdg, "llmbench");
  const home = env["HOME"] || homedir();
  return process.platform === "darwin"
    ? join(home, "Library", "Caches", "llmbench")
    : join(home, ".cache", "llmbench");
}

/** Where the servers that run on this machine are written down. */
export function registryFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(env), "servers");
}
