import { pino } from "pino";
import { resolveSecrets } from "../config/secrets.ts";
import { createMasker } from "../mask.ts";
import { openRun } from "../results/run-folder.ts";
import { describeHardware } from "../servers/hardware.ts";
import { createContext } from "../steps/create-context.ts";
import { watchInterrupts } from "./interrupt.ts";
import { selfCommand } from "./self-command.ts";
import { findStep } from "./steps.ts";

/** One step in a process of its own. Its log is NDJSON, which is what cluster log stores take. */
export async function runStep(
  name: string,
  input: unknown,
  options: { run: string; out: string },
): Promise<unknown> {
  const step = await findStep(name);
  const run = await openRun(options.run, options.out);
  const { values: secrets } = resolveSecrets(run.record.plan, process.env);
  const masker = createMasker(secrets);
  const log = pino({ base: { run: run.id, step: name } }, pino.destination({ dest: 2, sync: true }));
  const interrupts = watchInterrupts((text) => log.warn(text));
  const context = createContext({
    run,
    hardware: await describeHardware(),
    selfCommand,
    progress: (event) => {
      if (event.kind === "load") return;
      log.info(masker.json(event), event.kind);
    },
    signal: interrupts.signal,
    mask: masker.text,
  });
  interrupts.onForce(() => context.killNow());
  try {
    return await step.run(input, context);
  } finally {
    interrupts.dispose();
  }
}
