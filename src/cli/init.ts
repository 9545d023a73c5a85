import { readFile, realpath, writeFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import type { Command } from "commander";
import { ExitStatus, LlmbenchError } from "../error.ts";

export function registerInit(program: Command): void {
  program
    .command("init")
    .description("write a commented config to start from (asks nothing)")
    .argument("[file]", "where to write it (default: standard output)")
    .option("--cluster", "one for a Kubernetes cluster instead of this machine")
    .action(async (file: string | undefined, options: { cluster?: boolean }) => {
      const { initConfig } = await import("../config/init.ts");
      const folder = file === undefined ? process.cwd() : dirname(resolve(file));
      const schema = await findSchema(folder);
      const cluster = options.cluster === true;
      const text = initConfig({ cluster, ...(schema === undefined ? {} : { schema }) });
      if (file === undefined) {
        process.stdout.write(text);
        return;
      }
      try {
        await writeFile(file, text, { flag: "wx" });
      } catch (error) {
        throw new LlmbenchError(
          "INIT_NOT_WRITTEN",
          `${file} cannot be written: ${(error as Error).message}`,
          {
            exitStatus: ExitStatus.usage,
            hint:
              (error as NodeJS.ErrnoException).code === "EEXIST"
                ? "an existing file is never overwritten; choose another name"
                : "is its folder there, and may you write in it?",
            cause: error,
          },
        );
      }
      const next = cluster ? "build" : "run";
      process.stdout.write(`${file}: edit it, then: llmbench validate ${file} && llmbench ${next} ${file}\n`);
    });
}

/** Path from `folder` to the JSON Schema that was installed with this very llmbench; undefined where it came alone. */
async function findSchema(folder: string): Promise<string | undefined> {
  const { configJsonSchema } = await import("../config/json-schema.ts");
  // Beside dist/llmbench.mjs, or from src/cli.
  for (const place of ["../schemas/config.schema.json", "../../schemas/config.schema.json"]) {
    const path = fileURLToPath(new URL(place, import.meta.url));
    try {
      const found: unknown = JSON.parse(await readFile(path, "utf8"));
      if (!isDeepStrictEqual(found, configJsonSchema())) continue;
      // A link in the way would make ".." mean another folder.
      return relative(await realpath(folder), await realpath(path));
    } catch {
      // Not there, or not ours.
    }
  }
  return undefined;
}
