// No inputs given at all
import { dag } from "../../../src/argo/index.ts";
import { deploy } from "./steps.ts";

dag("main", {}, (d) => {
  // @ts-expect-error
  d.task("deploy", deploy);
});
