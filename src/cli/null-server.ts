import type { Command } from "commander";

/** Not for people: the load generator starts it, and speaks to it over node's channel. */
export function registerNullServer(program: Command): void {
  program
    .command("null-server", { hidden: true })
    .description("replay a load for the load generator that started it")
    .action(async () => {
      const { runNullServer } = await import("../calibration/null-server.ts");
      await runNullServer();
    });
}
