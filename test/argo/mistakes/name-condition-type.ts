// A comparison that can never hold
import { dag, is, oneOf } from "../../../src/argo/index.ts";
import { measure } from "./steps.ts";

dag("main", { inputs: { precision: oneOf(["fp16", "fp8"]) } }, (d) => {
  // @ts-expect-error
  d.when(is(d.inputs.precision, "fp32")).task("measure", measure, { url: "http://server" });
});
