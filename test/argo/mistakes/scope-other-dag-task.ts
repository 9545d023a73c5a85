// A task of another DAG
import { dag } from "../../../src/argo/index.ts";
import { deploy, measure } from "./steps.ts";

dag("outer", {}, (outer) => {
  const deployed = outer.task("deploy", deploy, { model: "llama", precision: "fp16" });
  const inner = dag("inner", {}, (d) => {
    // @ts-expect-error
    d.task("measure", measure, { url: "http://server" }, { after: deployed });
  });
  outer.task("inner", inner);
});
