import { existsSync } from "node:fs";
import type { Command } from "commander";
import { defaultRuns } from "./paths.ts";
import { columnsOf, wantsColor } from "./terminal.ts";

export function registerShow(program: Command): void {
  program
    .command("show")
    .description("show what a run measured")
    .argument("<run>", "id or path of a run")
    .option("--out <dir>", "folder that holds runs", defaultRuns)
    .option("--json", "print results.json")
    .action(async (id: string, options: { out: string; json?: boolean }) => {
      const { openRun } = await import("../results/run-folder.ts");
      const { readResults } = await import("./read-results.ts");
      const run = await openRun(id, options.out);
      const results = await readResults(run);
      const { findWriter } = await import("../results/run-lock.ts");
      const writer = await findWriter(run.path);
      if (writer !== undefined)
        process.stderr.write(
          `process ${writer.pid} on ${writer.host} runs it now: this is what there is so far\n`,
        );
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
        return;
      }
      const { renderTerminal } = await import("../report/terminal.ts");
      process.stdout.write(
        renderTerminal(results, {
          columns: columnsOf(process.stdout),
          color: wantsColor(process.stdout),
          ...(existsSync(run.paths.report) ? { reportPath: run.paths.report } : {}),
        }),
      );
    });
}
