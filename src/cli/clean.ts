import type { Command } from "commander";

export function registerClean(program: Command): void {
  program
    .command("clean")
    .description("end servers that a killed llmbench left running; never a process that is not ours")
    .option("--dry-run", "only say what would be ended")
    .action(async (options: { dryRun?: boolean }) => {
      const { findLeftovers, removeLeftovers } = await import("../servers/leftovers.ts");
      const left = options.dryRun === true ? await findLeftovers() : await removeLeftovers();
      const verb = options.dryRun === true ? "would end" : "ended";
      for (const { runId, cellId, pids } of left) {
        process.stdout.write(`${verb} the server of ${cellId}, run ${runId} (process ${pids.join(", ")})\n`);
      }
      if (left.length === 0) process.stdout.write("nothing is left of earlier runs\n");
    });
}
