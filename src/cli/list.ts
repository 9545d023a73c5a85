import type { Command } from "commander";
import { defaultRuns } from "./paths.ts";
import { columnsOf, wantsColor } from "./terminal.ts";

export function registerList(program: Command): void {
  program
    .command("list")
    .description("list runs")
    .option("--out <dir>", "folder that holds runs", defaultRuns)
    .option("--json", "print JSON")
    .action(async (options: { out: string; json?: boolean }) => {
      const { listRuns } = await import("../results/run-folder.ts");
      const { findWriter } = await import("../results/run-lock.ts");
      const { describeRun, renderRunList } = await import("../report/run-list.ts");
      const { readResults } = await import("./read-results.ts");
      const { runs, unreadable } = await listRuns(options.out);
      const entries = [];
      for (const run of runs) {
        const running = (await findWriter(run.path)) !== undefined;
        entries.push(describeRun(await readResults(run), running));
      }
      for (const line of unreadable) process.stderr.write(`not readable: ${line}\n`);
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify(entries, null, 2)}\n`
          : renderRunList(entries, { columns: columnsOf(process.stdout), color: wantsColor(process.stdout) }),
      );
    });
}
