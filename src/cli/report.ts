import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { defaultRuns } from "./paths.ts";

const formats = ["html", "md", "csv", "png"] as const;

interface ReportOptions {
  readonly format: (typeof formats)[number];
  readonly strict?: boolean;
  readonly to?: string;
  readonly out: string;
}

export function registerReport(program: Command): void {
  program
    .command("report")
    .description("write the report of a run anew, as HTML, Markdown, CSV or PNG")
    .argument("<run>", "id or path of a run")
    .addOption(new Option("--format <format>", "what to write").choices(formats).default("html"))
    .option("--strict", "refuse to rank variants that did different work, as `strict` of a config does")
    .option("--to <dir>", "folder to write to (default: report/ of the run)")
    .option("--out <dir>", "folder that holds runs", defaultRuns)
    .action(async (id: string, options: ReportOptions) => {
      const { openRun } = await import("../results/run-folder.ts");
      const { readRecords } = await import("../load/record-reader.ts");
      const { assembleResults } = await import("../results/assemble.ts");
      const { renderReport } = await import("../report/render-report.ts");
      const run = await openRun(id, options.out);
      // Anew from the records: a newer llmbench may know more of an old run.
      const results = await assembleResults(run, readRecords);
      if (options.strict === true) results.run.plan.strict = true;
      const folder = options.to ?? join(run.path, "report");
      const { writeError } = await import("../results/stored-json.ts");
      for (const file of await renderReport(results, options.format)) {
        const path = join(folder, file.name);
        try {
          await mkdir(folder, { recursive: true });
          await writeFile(path, file.content);
        } catch (error) {
          throw writeError(error, path);
        }
        process.stdout.write(`${path}\n`);
      }
    });
}
