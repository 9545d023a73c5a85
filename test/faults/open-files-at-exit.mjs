// Preloaded into an llmbench: as it ends, writes down which files of its folder it still has open (Linux).
import { appendFileSync, readdirSync, readlinkSync } from "node:fs";

process.on("exit", () => {
  const target = process.env.LLMBENCH_OPEN_FILES;
  if (process.platform !== "linux" || target === undefined) return;
  for (const fd of readdirSync("/proc/self/fd")) {
    let path = "";
    try {
      path = readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      continue; // the folder's own descriptor
    }
    if (path.startsWith(process.cwd())) appendFileSync(target, `${path}\n`);
  }
});
