// An artifact of another format
import { dag } from "../../../src/argo/index.ts";
import { measure, publish } from "./steps.ts";

dag("main", {}, (d) => {
  const measured = d.task("measure", measure, { url: "http://server" });
  // @ts-expect-error
  d.task("publish", publish, { table: measured.outputs.report });
});
