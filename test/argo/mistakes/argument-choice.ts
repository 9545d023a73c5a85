// A value that is none of the choices
import { dag } from "../../../src/argo/index.ts";
import { deploy } from "./steps.ts";

dag("main", {}, (d) => {
  // @ts-expect-error
  d.task("deploy", deploy, { model: "llama", precision: "fp32" });
});
