// An input that is not given
import { dag } from "../../../src/argo/index.ts";
import { deploy } from "./steps.ts";

dag("main", {}, (d) => {
  // @ts-expect-error
  d.task("deploy", deploy, { precision: "fp16" });
});
