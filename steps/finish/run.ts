import { readRecords } from "../../src/load/record-reader.ts";
import { writeReport } from "../../src/report/write-report.ts";
import { assembleResults } from "../../src/results/assemble.ts";
import { defineStep } from "../../src/steps/step.ts";
import { finish } from "./contract.ts";

/** Removes servers that are left of this run, then writes results.json and the report from what is in the run folder. */
export default defineStep(finish, async (_input, context) => {
  const leftovers: string[] = [];
  for (const cell of context.plan.cells) {
    const backend = await context.session(cell.id).backend();
    for (const left of await backend.list(context.run.id)) {
      await backend.remove(left);
      leftovers.push(left.cellId);
    }
  }
  const results = await assembleResults(context.run, readRecords);
  await context.run.writeResults(results);
  const report = await writeReport(results, context.run.path);
  return { results: context.run.paths.results, report, leftovers };
});
