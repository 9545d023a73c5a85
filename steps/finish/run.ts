import { readRecords } from "../../src/load/record-reader.ts";
import { writeReport } from "../../src/report/write-report.ts";
import { assembleResults } from "../../src/results/assemble.ts";
import type { ServerBackend } from "../../src/servers/server.ts";
import type { StepContext } from "../../src/steps/context.ts";
import { defineStep } from "../../src/steps/step.ts";
import { finish } from "./contract.ts";

/**
 * Removes servers that are left of this run, then writes results.json and the report from what is in the run folder. One
 * that cannot be removed fails the step, once both are written.
 */
export default defineStep(finish, async (_input, context) => {
  const leftovers: string[] = [];
  const failures: unknown[] = [];
  for (const backend of await backendsOf(context)) {
    try {
      for (const left of await backend.list(context.run.id)) {
        leftovers.push(left.cellId);
        await backend.remove(left).catch((error: unknown) => failures.push(error));
      }
    } catch (error) {
      failures.push(error);
    }
  }
  const results = await assembleResults(context.run, readRecords);
  await context.run.writeResults(results);
  const report = await writeReport(results, context.run.path);
  const output = { results: context.run.paths.results, report, leftovers };
  if (failures.length > 0) {
    context.publish(output);
    throw failures[0];
  }
  return output;
});

/** Each back end once: cells of a machine, and those of a cluster, share theirs. */
async function backendsOf({ plan, session }: StepContext): Promise<Set<ServerBackend>> {
  const backends = new Set<ServerBackend>();
  for (const { id } of plan.cells) backends.add(await session(id).backend());
  return backends;
}
