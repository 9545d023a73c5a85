// What holds only if a task succeeded, outside that condition
import { boolean, dag, is, string, succeeded } from "../../../src/argo/index.ts";
import { judge, measure } from "./steps.ts";

dag("main", { inputs: { url: string(), full: boolean() } }, (d) => {
  const measured = d.when(is(d.inputs.full, true)).task("measure", measure, { url: d.inputs.url });
  // @ts-expect-error
  d.task("judge", judge, { rate: succeeded(measured).outputs.rate });
});
