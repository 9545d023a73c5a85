// An item that is none of the choices
import { dag } from "../../../src/argo/index.ts";
import { deploy } from "./steps.ts";

dag("main", {}, (d) => {
  const precisions = d.each(["fp16", "fp32"]);
  // @ts-expect-error
  precisions.task("deploy", deploy, { model: "llama", precision: precisions.item });
});
