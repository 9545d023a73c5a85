import { Command, CommanderError } from "commander";
import { ExitStatus } from "../error.ts";
import { version } from "../version.ts";
import { registerAb } from "./ab.ts";
import { registerBench } from "./bench.ts";
import { registerBuild } from "./build.ts";
import { registerClean } from "./clean.ts";
import { registerEngines } from "./engines.ts";
import { registerFetch } from "./fetch.ts";
import { registerInit } from "./init.ts";
import { registerList } from "./list.ts";
import { registerLogs } from "./logs.ts";
import { registerModels } from "./models.ts";
import { registerNullServer } from "./null-server.ts";
import { printError } from "./print-error.ts";
import { registerReport } from "./report.ts";
import { registerRetry } from "./retry.ts";
import { registerRun } from "./run.ts";
import { registerSchema } from "./schema.ts";
import { registerShow } from "./show.ts";
import { registerSimulate } from "./simulate.ts";
import { registerStatus } from "./status.ts";
import { registerStep } from "./step.ts";
import { registerSubmit } from "./submit.ts";
import { letGoOfLostTerminals } from "./terminal.ts";
import { registerValidate } from "./validate.ts";

// A reader that went away (`| head`, a closed terminal) is no reason to leave a server running.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
letGoOfLostTerminals();

const program = new Command("llmbench")
  .description("Which serving engine, with which settings, serves this model on this hardware best?")
  .version(version)
  .option("--verbose", "print where an error came from")
  .configureHelp({ showGlobalOptions: true })
  .showHelpAfterError("(llmbench --help lists the commands)")
  .exitOverride();

for (const register of [
  registerRun,
  registerBench,
  registerAb,
  registerBuild,
  registerSubmit,
  registerStatus,
  registerLogs,
  registerFetch,
  registerRetry,
  registerReport,
  registerShow,
  registerList,
  registerInit,
  registerValidate,
  registerEngines,
  registerModels,
  registerClean,
  registerSchema,
  registerSimulate,
  registerNullServer,
  registerStep,
]) {
  register(program);
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode =
    error instanceof CommanderError
      ? error.exitCode === 0
        ? ExitStatus.done
        : ExitStatus.usage
      : printError(error, {
          verbose: program.opts<{ verbose?: boolean }>().verbose === true,
          mask: (text) => text,
          write: (text) => process.stderr.write(text),
        });
}
