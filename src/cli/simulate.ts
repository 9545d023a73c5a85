import type { Command } from "commander";

export function registerSimulate(program: Command): void {
  program
    .command("simulate")
    .description("serve as a simulated engine, for tests and first steps (llmbench simulate --help)")
    .allowUnknownOption()
    .allowExcessArguments()
    .helpOption(false)
    .action(async (_options, command: Command) => {
      const { runSimulator } = await import("../simulator/main.ts");
      process.exitCode = await runSimulator(command.args);
    });
}
