// An input that the template does not have
import { dag, string } from "../../../src/argo/index.ts";
import { deploy } from "./steps.ts";

dag("main", { inputs: { model: string() } }, (d) => {
  // @ts-expect-error
  d.task("deploy", deploy, { modle: d.inputs.model, precision: "fp16" });
});
