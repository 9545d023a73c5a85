// An output of a task that may be skipped, without a default
import { boolean, dag, is, string } from "../../../src/argo/index.ts";
import { judge, measure } from "./steps.ts";

dag("main", { inputs: { url: string(), full: boolean() } }, (d) => {
  const measured = d.when(is(d.inputs.full, true)).task("measure", measure, { url: d.inputs.url });
  // @ts-expect-error
  d.task("judge", judge, { rate: measured.outputs.rate });
});
