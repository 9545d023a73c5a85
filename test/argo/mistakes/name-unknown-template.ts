// A template that does not exist
import { dag } from "../../../src/argo/index.ts";

dag("main", {}, (d) => {
  // @ts-expect-error
  d.task("deploy", deployy, { model: "llama", precision: "fp16" });
});
