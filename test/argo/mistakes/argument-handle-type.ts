// An output of the wrong type
import { dag } from "../../../src/argo/index.ts";
import { deploy, judge } from "./steps.ts";

dag("main", {}, (d) => {
  const deployed = d.task("deploy", deploy, { model: "llama", precision: "fp16" });
  // @ts-expect-error
  d.task("judge", judge, { rate: deployed.outputs.url });
});
