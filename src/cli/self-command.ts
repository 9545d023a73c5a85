import { realpathSync } from "node:fs";

/** Words that start this program again: simulated engines are processes of it. Holds also under `node --import tsx`. */
export const selfCommand: readonly string[] = [
  process.execPath,
  ...process.execArgv,
  realpathSync(process.argv[1] ?? "llmbench"),
];
