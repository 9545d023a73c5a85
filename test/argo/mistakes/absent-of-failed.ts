// An output of a task that failed
import { dag, finished, string } from "../../../src/argo/index.ts";
import { judge, measure } from "./steps.ts";

dag("main", { inputs: { url: string() } }, (d) => {
  const measured = d.task("measure", measure, { url: d.inputs.url });
  // @ts-expect-error
  d.task("judge", judge, { rate: finished(measured).outputs.rate });
});
