// An artifact in text
import { dag, text } from "../../../src/argo/index.ts";
import { measure, teardown } from "./steps.ts";

dag("main", {}, (d) => {
  const measured = d.task("measure", measure, { url: "http://server" });
  // @ts-expect-error
  d.task("teardown", teardown, { status: text`see ${measured.outputs.report}` });
});
