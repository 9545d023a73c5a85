// A handle that may hold none of the choices
import { dag, string } from "../../../src/argo/index.ts";
import { deploy } from "./steps.ts";

dag("main", { inputs: { precision: string() } }, (d) => {
  // @ts-expect-error
  d.task("deploy", deploy, { model: "llama", precision: d.inputs.precision });
});
