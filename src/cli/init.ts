import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { ExitStatus, LlmbenchError } from "../error.ts";

export function registerInit(program: Command): void {
  program
    .command("init")
    .description("write a commented config to start from (asks nothing)")
    .argument("[file]", "where to write it (default: standard output)")
    .action(async (file: string | undefined) => {
      const { initConfig } = await import("../config/init.ts");
      const text = initConfig();
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
            hint: "an existing file is never overwritten; choose another name",
            cause: error,
          },
        );
      }
      process.stdout.write(`${file}: edit it, then: llmbench validate ${file} && llmbench run ${file}\n`);
    });
}
