// A value of the wrong type
import { dag } from "../../../src/argo/index.ts";
import { measure } from "./steps.ts";

dag("main", {}, (d) => {
  // @ts-expect-error
  d.task("measure", measure, { url: "http://server", requests: "ten" });
});
