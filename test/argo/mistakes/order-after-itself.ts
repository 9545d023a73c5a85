// A task that comes after itself
import { dag } from "../../../src/argo/index.ts";
import { deploy } from "./steps.ts";

dag("main", {}, (d) => {
  // @ts-expect-error
  const deployed = d.task("deploy", deploy, { model: "llama", precision: "fp16" }, { after: deployed });
});
