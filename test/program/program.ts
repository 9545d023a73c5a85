import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { inject } from "vitest";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
let making: Promise<string> | undefined;

/**
 * Path of llmbench as users have it, its schemas beside it, bundled from the source as it is now: by the first test of
 * a run that asks, for all of them. It starts in a third of the time that the source takes.
 */
export function programPath(): Promise<string> {
  making ??= makeProgram();
  return making;
}

async function makeProgram(): Promise<string> {
  const root = inject("programFolder");
  const folder = join(root, "llmbench");
  if (!existsSync(folder)) {
    const own = mkdtempSync(join(root, "new-"));
    await promisify(execFile)(process.execPath, [join(checkout, "scripts/bundle.mjs"), join(own, "dist")]);
    cpSync(join(checkout, "schemas"), join(own, "schemas"), { recursive: true });
    try {
      renameSync(own, folder);
    } catch (error) {
      // Another file's tests were as early.
      if (!existsSync(folder)) throw error;
      rmSync(own, { recursive: true });
    }
  }
  return join(folder, "dist/llmbench.mjs");
}
