// An output that the task does not have
import { dag } from "../../../src/argo/index.ts";
import { deploy, measure } from "./steps.ts";

dag("main", {}, (d) => {
  const deployed = d.task("deploy", deploy, { model: "llama", precision: "fp16" });
  // @ts-expect-error
  d.task("measure", measure, { url: deployed.outputs.address });
});
