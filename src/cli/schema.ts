import type { Command } from "commander";
import { ExitStatus, LlmbenchError } from "../error.ts";

export function registerSchema(program: Command): void {
  program
    .command("schema")
    .description("print a JSON Schema: results, config, or what a step takes and gives")
    .argument("<what>", "results, config, or step")
    .argument("[step]", "name of the step")
    .action(async (what: string, step: string | undefined) => {
      process.stdout.write(`${JSON.stringify(await schemaOf(what, step), null, 2)}\n`);
    });
}

async function schemaOf(what: string, step: string | undefined): Promise<unknown> {
  switch (what) {
    case "results":
      return (await import("../results/json-schema.ts")).resultsJsonSchema();
    case "config":
      return (await import("../config/json-schema.ts")).configJsonSchema();
    case "step": {
      const [{ z }, { findStep }] = await Promise.all([import("zod"), import("./steps.ts")]);
      const { input, output } = await findStep(step);
      return { input: z.toJSONSchema(input), output: z.toJSONSchema(output) };
    }
    default:
      throw new LlmbenchError("USAGE", `there is no schema "${what}"`, {
        exitStatus: ExitStatus.usage,
        hint: "results, config, or step NAME",
      });
  }
}
