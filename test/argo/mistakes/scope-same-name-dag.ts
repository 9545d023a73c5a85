// A handle of another DAG of the same name
import { dag, string } from "../../../src/argo/index.ts";
import { measure } from "./steps.ts";

dag("main", { inputs: { url: string() } }, (outer) => {
  dag("main", {}, (d) => {
    // @ts-expect-error
    d.task("measure", measure, { url: outer.inputs.url });
  });
});
