import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Where this run of the tests keeps llmbench, once a test has asked for it. */
    readonly programFolder: string;
  }
}

/** One folder for all files of a run of the tests, gone when it ends. */
export default function setup({ provide }: TestProject): () => void {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "llmbench-program-")));
  provide("programFolder", folder);
  return () => rmSync(folder, { recursive: true, force: true });
}
