import { LlmbenchError } from "../../src/error.ts";
import { runSimulator } from "../../src/simulator/main.ts";

/** The simulator as a process of its own, as `llmbench simulate` runs it. */
try {
  process.exitCode = await runSimulator(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof LlmbenchError)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exitCode = error.exitStatus;
}
