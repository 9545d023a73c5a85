// A handle of another DAG
import { dag, string } from "../../../src/argo/index.ts";
import { measure } from "./steps.ts";

dag("outer", { inputs: { url: string() } }, (outer) => {
  const inner = dag("inner", {}, (d) => {
    // @ts-expect-error
    d.task("measure", measure, { url: outer.inputs.url });
  });
  outer.task("inner", inner);
});
