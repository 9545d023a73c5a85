// An outcome that only loops have
import { anySucceeded, dag } from "../../../src/argo/index.ts";
import { measure } from "./steps.ts";

dag("main", {}, (d) => {
  const measured = d.task("measure", measure, { url: "http://server" });
  // @ts-expect-error
  d.when(anySucceeded(measured)).task("again", measure, { url: "http://server" });
});
